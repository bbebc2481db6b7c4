package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"strongroom/internal/fault"
)

func TestEachKindOfFailureHasItsExitCode(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.Internal: 1, fault.Invalid: 3, fault.NotFound: 4, fault.Denied: 5, fault.Expired: 6,
		fault.Throttled: 7, fault.Unavailable: 8, fault.Busy: 9, fault.Unsupported: 10,
	}
	for kind := fault.Internal; kind <= fault.Unsupported; kind++ {
		var out bytes.Buffer
		err := fmt.Errorf("around: %w", fault.New(kind, "it", "went wrong").Mend("do that"))
		if got := finish(t.Context(), &out, "mount", err); got != want[kind] || got == 0 {
			t.Errorf("%v: exit code %d, want %d", kind, got, want[kind])
		}
		if out.String() != "strongroom mount: around: it: went wrong\n  to mend: do that\n" {
			t.Errorf("%v: %q", kind, out.String())
		}
	}
}

func TestAnInterruptionIsNoSuccess(t *testing.T) {
	t.Parallel()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		code int
		says string
	}{
		"a server that was asked to end": {interrupted, nil, 0, ""},
		"a mount that was cut short":     {interrupted, fault.Wrap(context.Canceled, fault.Unavailable, "vault", "no answer"), 130, "strongroom mount: interrupted\n"},
		"help":                           {t.Context(), flag.ErrHelp, 0, ""},
		"misuse":                         {t.Context(), errUsage{errors.New("-f FILE is required")}, 2, "strongroom mount: -f FILE is required; see strongroom mount -h\n"},
		"nobody's error":                 {t.Context(), errors.New("odd"), 1, "strongroom mount: odd\n"},
	} {
		var out bytes.Buffer
		if code := finish(test.ctx, &out, "mount", test.err); code != test.code || out.String() != test.says {
			t.Errorf("%s: exit code %d, %q", name, code, out.String())
		}
	}
}

func TestSeveralProblemsAreToldOneALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	list := fault.List{fault.New(fault.Denied, "a", "closed").Mend("open a"), fault.New(fault.Invalid, "b", "misspelt").Mend("write b")}
	if code := finish(t.Context(), &out, "check", list.AsError()); code != 3 {
		t.Errorf("exit code %d", code)
	}
	want := []string{"strongroom check: a: closed", "  to mend: open a", "strongroom check: b: misspelt", "  to mend: write b", ""}
	if out.String() != strings.Join(want, "\n") {
		t.Errorf("%q", out.String())
	}
}
