package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets this binary show its own arguments, as everybody on the node sees them.
func TestMain(m *testing.M) {
	if play() {
		os.Exit(0)
	}
	if os.Getenv("SHOW_ARGUMENTS") == "" {
		goleak.VerifyTestMain(m)
	}
	kept := takeArguments()
	seen, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		seen = []byte(err.Error())
	}
	os.Stdout.WriteString(strings.Join(kept, "|") + "\n" + strings.ReplaceAll(string(seen), "\x00", "|"))
	os.Exit(0)
}

func TestASecretDoesNotStayOnTheCommandLine(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("this system does not show arguments there")
	}
	const options = `{"kubernetes.io/secret/clientsecret":"planted"}`
	program := exec.CommandContext(t.Context(), os.Args[0], "mount", "/dir", options)
	program.Env = append(os.Environ(), "SHOW_ARGUMENTS=1")
	out, err := program.Output()
	if err != nil {
		t.Fatal(err)
	}
	kept, seen, _ := strings.Cut(string(out), "\n")
	if kept != "mount|/dir|"+options {
		t.Errorf("the program was given %q", kept)
	}
	if strings.Contains(seen, "planted") || !strings.Contains(seen, "|mount|/dir|") {
		t.Errorf("others see %q", seen)
	}
}
