// Package node runs a whole Kubernetes cluster of one node for the time of a test run, in namespaces of its own: network,
// mounts, processes, host name and System V IPC. One signal ends all of it, and nothing outlives it but files and empty
// cgroups, which are removed, or swept by the next run when this one was killed.
//
// A test binary runs in three stages, each a child of the one before:
//
//   - outer, which the go command started: makes the namespaces, and cleans up and checks afterwards;
//   - init, process 1 of the namespaces: mounts, network, cgroups; it reaps orphans and ends with the third;
//   - test, which starts the cluster and runs the tests.
package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// The environment that stages hand on.
const (
	stageVariable = "STRONGROOM_E2E_STAGE"
	dirVariable   = "STRONGROOM_E2E_DIR" // the run's directory; its last element names the run
)

// Main is what TestMain calls: it passes through the stages and, in the last, starts a cluster and calls run with it.
// It gives the process's exit code.
func Main(run func(*Node) int) int { return stages(start, run) }

// Alone is Main for tests that need Azure and no cluster: of the node there are the network, the names and the emulator.
// document makes the emulator's, in the last stage; the first node in it must be called Name. Kubernetes' part of the Node
// is empty.
func Alone(document func() (string, error), run func(*Node) int) int {
	return stages(func(dir string) (*Node, error) { return startAlone(dir, document) }, run)
}

func stages(start func(dir string) (*Node, error), run func(*Node) int) int {
	var code int
	var err error
	switch stage := os.Getenv(stageVariable); stage {
	case "":
		code, err = outside()
	case "init":
		code, err = initialize()
	case "test":
		code, err = test(start, run)
	default:
		err = fmt.Errorf("%s is %q, which is no stage", stageVariable, stage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// test is the last stage.
func test(start func(dir string) (*Node, error), run func(*Node) int) (int, error) {
	n, err := start(os.Getenv(dirVariable))
	if err != nil {
		return 1, err
	}
	return run(n), nil
}

// again is this very program with the same arguments, as another stage.
func again(stage string, attributes *syscall.SysProcAttr) *exec.Cmd {
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), stageVariable+"="+stage)
	c.Stdin, c.Stdout, c.Stderr, c.SysProcAttr = os.Stdin, os.Stdout, os.Stderr, attributes
	return c
}

// exitCode tells how a stage ended: its exit code, or an error when it has none.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}
