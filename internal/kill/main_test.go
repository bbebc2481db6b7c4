//go:build linux

package kill

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"strongroom/internal/cli"
)

// What the environment says to this binary.
const (
	asProgram  = "KILL_TEST_PROGRAM" // be strongroom itself, since there is no other binary to kill
	asOneStep  = "KILL_TEST_STEP"    // do one piece of work under a tracer; see oneStep
	programEnv = "STRONGROOM_KILL_PROGRAM"
	killsEnv   = "STRONGROOM_KILLS"
	seedEnv    = "STRONGROOM_KILL_SEED"
	strideEnv  = "STRONGROOM_KILL_STRIDE"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asProgram) != "":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Run(ctx, cli.Process{Name: "strongroom", Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}))
	case os.Getenv(asOneStep) != "":
		oneStep(os.Args[1:])
	default:
		goleak.VerifyTestMain(m)
	}
}

// number reads a setting of the run.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
