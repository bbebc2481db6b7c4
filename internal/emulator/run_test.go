package emulator_test

import (
	"context"
	"testing"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
)

// start runs an emulator for the length of a test.
func start(t testing.TB, config emulator.Config) *emulator.Emulator {
	t.Helper()
	e, stop := run(t, config)
	t.Cleanup(stop)
	return e
}

// run is start for tests that end it themselves; stop may be called twice.
func run(t testing.TB, config emulator.Config) (e *emulator.Emulator, stop func()) {
	t.Helper()
	e, err := emulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return e, func() {
		cancel()
		<-done
	}
}

// document parses YAML that a test wrote.
func document(t *testing.T, text string) emulator.Config {
	t.Helper()
	d, err := state.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return emulator.Config{Document: d}
}

// The default document's ids.
const (
	tenant           = "11111111-aaaa-4aaa-8aaa-111111111111"
	servicePrincipal = "22222222-0001-4000-8000-222222222222"
	workload         = "22222222-0002-4000-8000-222222222222"
	identity         = "22222222-0003-4000-8000-222222222222"
	bound            = "22222222-0004-4000-8000-222222222222"
	clientSecret     = "demo-client-secret"
	account          = "workload-identity-sa"
)
