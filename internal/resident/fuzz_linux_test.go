package resident

import (
	"strings"
	"testing"
)

// Whatever a kernel lists, nothing is taken to be unused unless a line says so.
func FuzzMappings(f *testing.F) {
	f.Add("00400000-00401000 r--p 00000000 08:01 5 /strongroom\nAnonymous: 0 kB\n")
	f.Add("x-y rw-p 0 0 0\nAnonymous: z kB\nAnonymous: 4 kB")
	f.Fuzz(func(t *testing.T, text string) {
		var list []mapping
		for line := range strings.Lines(text) {
			list = take(list, strings.Fields(line))
		}
		for _, m := range list {
			if m.own == 0 && !strings.Contains(text, "Anonymous:") {
				t.Errorf("%+v", m)
			}
		}
	})
}
