package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"strongroom/internal/cli"
)

// TestMain makes this binary the program that the scripts run, and a stranger's program where the environment says so.
func TestMain(m *testing.M) {
	if path := os.Getenv(strangerEnv); path != "" {
		fmt.Print(knock(path))
		os.Exit(0)
	}
	testscript.Main(leakChecked{m}, map[string]func(){
		"strongroom": func() { os.Exit(strongroom()) }, "kv": func() { os.Exit(strongroom()) },
	})
}

func strongroom() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, cli.Process{Name: filepath.Base(os.Args[0]), Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv})
}

// leakChecked fails a run of tests that leaves goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
