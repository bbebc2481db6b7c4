package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
)

func TestAnErrorTellsSubjectCauseAndRemedyOnOneLine(t *testing.T) {
	t.Parallel()
	err := fault.Wrap(fs.ErrPermission, fault.Denied, "secret/a", "may not\nbe read").Mend("ask\nsomebody")
	err.Remote = fault.Remote{Status: 403, Code: "Forbidden/ForbiddenByRbac", RequestID: "r1"}
	if got, want := err.Error(), "secret/a: may not be read (HTTP 403 Forbidden/ForbiddenByRbac, request id r1): permission denied"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	outer := fmt.Errorf("mount: %w", err)
	if got, want := fault.Explain(outer), "mount: "+err.Error()+"; to mend: ask somebody"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !errors.Is(outer, fs.ErrPermission) || fault.KindOf(outer) != fault.Denied {
		t.Error("the cause or the kind was lost")
	}
}

func TestAListIsOfTheKindThatDecidesWhatToDo(t *testing.T) {
	t.Parallel()
	passing := fault.New(fault.Unavailable, "a", "down").Mend("wait")
	passing.RetryAfter = time.Minute
	wrong := fault.New(fault.Invalid, "b", "misspelt").Mend("edit")
	err := fault.List{passing, wrong, fault.New(fault.Throttled, "c", "too fast").Mend("wait")}.AsError()
	if fault.KindOf(err) != fault.Invalid || fault.RetryAfterOf(err) != time.Minute {
		t.Errorf("kind %v, retry after %s", fault.KindOf(err), fault.RetryAfterOf(err))
	}
	if got := fmt.Sprint(fault.Remedies(err)); got != "[wait edit]" {
		t.Errorf("remedies: %s", got)
	}
	if fault.List(nil).AsError() != nil || (fault.List{wrong}).AsError() != error(wrong) {
		t.Error("an empty list is an error, or a single problem is not itself")
	}
}

func TestKindsHaveNamesThatParseBack(t *testing.T) {
	t.Parallel()
	for k := fault.Internal; k <= fault.Unsupported; k++ {
		if fault.ParseKind(k.String()) != k {
			t.Errorf("%v does not parse back", k)
		}
	}
	if fault.ParseKind("no such") != fault.Internal || fault.KindOf(errors.New("plain")) != fault.Internal || fault.Kind(99).String() != "internal" {
		t.Error("what is not known is not internal")
	}
}

func TestOnlyAnAnswerRefuses(t *testing.T) {
	t.Parallel()
	for kind, refuses := range map[fault.Kind]bool{fault.Denied: true, fault.NotFound: true, fault.Expired: true, fault.Unavailable: false, fault.Throttled: false, fault.Internal: false, fault.Invalid: false} {
		if kind.Refusal() != refuses {
			t.Errorf("%v", kind)
		}
	}
}

func TestWhatIsQuotedStaysReadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"db":                          "db",
		strings.Repeat("x", 80):       strings.Repeat("x", 80),
		strings.Repeat("x", 81):       strings.Repeat("x", 80) + "...",
		strings.Repeat("é", 50):       strings.Repeat("é", 40) + "...",
		"x" + strings.Repeat("é", 50): "x" + strings.Repeat("é", 39) + "?...",
		"\xff":                        "?",
	} {
		if got := fault.Shorten(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestATooLongTextKeepsItsBeginningAndItsEnd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"short":                 "short",
		strings.Repeat("a", 30): strings.Repeat("a", 30),
		"what failed" + strings.Repeat("-", 100) + "what mends": "what failed--------- ... (91 bytes left out) ... what mends",
		strings.Repeat("é", 20):                                 strings.Repeat("é", 10) + " ... (10 bytes left out) ... " + strings.Repeat("é", 5),
		"\xff":                                                  "?",
	} {
		if got := fault.Bound(text, 30); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := fault.Bound("ab", 1); got != " ... (2 bytes left out) ... " {
		t.Errorf("%q", got)
	}
}
