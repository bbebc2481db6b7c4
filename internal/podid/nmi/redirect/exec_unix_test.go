//go:build unix

package redirect

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Programs that change nothing stand for the tools here; the tools themselves are run by "make redirect".
func TestAProgramIsRunWithItsInputAndWithoutOurEnvironment(t *testing.T) {
	t.Setenv("STRONGROOM_TEST_SECRET", "leaked")
	output, err := host{}.exec(t.Context(), "/bin/sh", []string{"-c", "cat; env; pwd"}, "input\n")
	if err != nil || !strings.HasPrefix(output, "input\n") || !strings.HasSuffix(output, "\n/\n") || strings.Contains(output, "leaked") {
		t.Errorf("%q, %v", output, err)
	}
	_, err = host{}.exec(t.Context(), "/bin/sh", []string{"-c", "echo no such rule >&2; exit 4"}, "")
	var exit *Exit
	if !errors.As(err, &exit) || exit.Code != 4 || exit.Said != "no such rule" {
		t.Errorf("%v", err)
	}
	if _, err := (host{}).exec(t.Context(), "/no/such/program", nil, ""); err == nil || exited(err) {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestAProgramThatHangsIsKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := (host{}).exec(ctx, "/bin/sleep", []string{"600"}, ""); !errors.Is(err, context.Canceled) || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
