// Strongroom puts Azure Key Vault secrets, keys and certificates into Kubernetes pods as files.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"strongroom/internal/cli"
)

func main() {
	keepOutOfDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks for a graceful end, the second ends at once
	code := cli.Run(ctx, cli.Process{Name: filepath.Base(os.Args[0]), Args: takeArguments(), Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv})
	stop()
	os.Exit(code)
}
