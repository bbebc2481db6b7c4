package transport_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"strongroom/internal/azure/transport"
	"strongroom/internal/secret"
)

// A server's words become one printable line of bounded length without the credential that was sent, wherever it stands.
func FuzzWords(f *testing.F) {
	const hidden = "cl1ent+s3cret/ of&mine=="
	f.Add("the secret ", " is wrong\nsecond line", "5", "")
	f.Add("eyJhbGciOi", "J9.eyJ\u202e\x00", "Wed, 21 Oct 2026 07:28:00 GMT", "9223372036854775807")
	f.Add(strings.Repeat("é", 300), strings.Repeat("A", 200), "-1", "1e9")
	f.Fuzz(func(t *testing.T, before, after, wait, milliseconds string) {
		for _, spelled := range []string{hidden, "cl1ent%2Bs3cret%2F+of%26mine%3D%3D"} {
			line := transport.Line(before+spelled+after, secret.NewValue([]byte(hidden)))
			if strings.Contains(line, "s3cret") && !strings.Contains(before+after, "s3cret") || len(line) > 410 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%q", line)
			}
		}
		id := transport.ID(before, secret.NewValue([]byte(hidden)))
		if len(id) > 64 || strings.ContainsAny(id, " \n/\"") || id != "" && id != before {
			t.Fatalf("%q", id)
		}
		h := http.Header{"Retry-After": {wait}, "Retry-After-Ms": {milliseconds}}
		if d := transport.RetryAfter(h, time.Unix(1e9, 0)); d < 0 || d > 24*time.Hour {
			t.Fatalf("wait %v", d)
		}
	})
}
