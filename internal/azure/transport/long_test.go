package transport_test

import (
	"strings"
	"testing"

	"strongroom/internal/azure/transport"
)

// An answer of a whole MiB costs no more than its beginning, and where it is cut no token shows.
func TestAVeryLongLineIsReadAtItsBeginning(t *testing.T) {
	t.Parallel()
	almost := strings.Repeat(strings.Repeat("a", 119)+" ", 1<<13) // all but a token, again and again
	if line := transport.Line(almost); len(line) != 403 {
		t.Errorf("%d bytes", len(line))
	}
	for before := 1800; before < 2100; before++ {
		line := transport.Line("refused " + strings.Repeat("\t", before) + "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl " + strings.Repeat("b ", 5000))
		if line != "refused" && !strings.HasPrefix(line, "refused [redacted]") {
			t.Fatalf("%d: %q", before, line)
		}
	}
}
