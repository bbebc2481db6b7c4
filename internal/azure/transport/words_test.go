package transport_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/secret"
)

func TestLine(t *testing.T) {
	t.Parallel()
	hidden := secret.NewValue([]byte("s3cret~value+x"))
	for name, c := range map[string]struct{ text, want string }{
		"plain":              {"Access denied.", "Access denied."},
		"first line":         {"\r\nfirst\r\nsecond", "first"},
		"control characters": {"a\x00b\tc\x1b[31md", "a b c [31md"},
		"not UTF-8":          {"a\xff\xfeb", "a b"},
		"hidden":             {"you sent s3cret~value+x, sorry", "you sent [redacted], sorry"},
		"hidden in a form":   {"you sent s3cret~value%2Bx, sorry", "you sent [redacted], sorry"},
		"a JWT":              {"bad token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln here", "bad token [redacted] here"},
		"half a JWT":         {"bad token eyJhbGciOiJSUzI1NiJ9", "bad token [redacted]"},
		"an opaque token":    {"got " + strings.Repeat("aB3_", 40), "got [redacted]"},
		"bounded":            {strings.Repeat("word ", 200), strings.Repeat("word ", 80) + "..."},
		"ids stay":           {"oid=e0d6fb5c-9d8c-4f43-b0f0-0f3a1f6a9d11;iss=https://sts.windows.net/x/", "oid=e0d6fb5c-9d8c-4f43-b0f0-0f3a1f6a9d11;iss=https://sts.windows.net/x/"},
	} {
		if got := transport.Line(c.text, hidden, secret.Value{}); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                     "",
		"ForbiddenByRbac":                      "ForbiddenByRbac",
		"6b9e2f0a-5a5e-4c3d-8f7e-0d1c2b3a4f5e": "6b9e2f0a-5a5e-4c3d-8f7e-0d1c2b3a4f5e",
		"two words":                            "",
		"eyJhbGciOiJSUzI1NiJ9":                 "",
		strings.Repeat("a", 65):                "",
	} {
		if got := transport.ID(s); got != want {
			t.Errorf("%q: got %q", s, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"none":               {"X-Other", "1", 0},
		"seconds":            {"Retry-After", "17", 17 * time.Second},
		"a date":             {"Retry-After", now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		"a date in the past": {"Retry-After", now.Add(-time.Hour).Format(http.TimeFormat), 0},
		"milliseconds":       {"Retry-After-Ms", "250", 250 * time.Millisecond},
		"Azure milliseconds": {"X-Ms-Retry-After-Ms", "250", 250 * time.Millisecond},
		"negative":           {"Retry-After", "-5", 0},
		"words":              {"Retry-After", "soon", 0},
		"a year":             {"Retry-After", "31536000", 24 * time.Hour},
		"overflowing":        {"Retry-After", "9223372036854775807", 24 * time.Hour},
	} {
		h := http.Header{}
		h.Set(c.header, c.value)
		if got := transport.RetryAfter(h, now); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
