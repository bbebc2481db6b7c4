package volume

import (
	"strings"
	"testing"

	"strongroom/internal/secret"
)

func file(path string) secret.File { return secret.File{Path: path, Mode: 0o644} }

// On every system these rules are held, so that those of Windows are known to hold before anybody runs it.
func TestNamesThatWindowsTakesForSomethingElse(t *testing.T) {
	t.Parallel()
	windows, linux := namesOf("windows"), namesOf("linux")
	for name, reason := range map[string]string{
		"CON": "device", "nul": "device", "aux.txt": "device", "COM1": "device", "lpt9.log": "device", "COM¹": "device", "nul .x": "device",
		"a/PRN/b": "device", "conin$": "device", "secret:stream": "no names with", "c:": "no names with", `a\b`: "no names with",
		"what?": "no names with", "a*": "no names with", "tab\tbed": "no names with", "trailing.": "dot or a space", "trailing ": "dot or a space",
		"dir./x": "dot or a space",
	} {
		name = strings.ReplaceAll(name, `\t`, "\t")
		if _, err := newSetOf(windows, []secret.File{file(name)}, nil); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q on Windows: %v, want %q", name, err, reason)
		}
		if _, err := newSetOf(linux, []secret.File{file(name)}, nil); err != nil {
			t.Errorf("%q on Linux: %v", name, err)
		}
	}
	for _, name := range []string{"secret1", "console", "com", "COM10", "lpt", "nullable", ".hidden", "a b/c.d", "auxiliary.txt", "tür"} {
		if _, err := newSetOf(windows, []secret.File{file(name)}, nil); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestNamesThatDifferInCapitalsAlone(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"secret", "Secret"}, {"a/b", "a/B"}, {"A/x", "a/y"}, {"a", "A/x"}, {"straße", "STRAßE"}} {
		files := []secret.File{file(pair[0]), file(pair[1])}
		if _, err := newSetOf(namesOf("windows"), files, nil); err == nil || !strings.Contains(err.Error(), "capital letters") {
			t.Errorf("%v on Windows: %v", pair, err)
		}
		if _, err := newSetOf(namesOf("linux"), files, nil); err != nil {
			t.Errorf("%v on Linux: %v", pair, err)
		}
	}
	if _, err := newSetOf(namesOf("windows"), []secret.File{file("a/x"), file("a/y"), file("b/x")}, nil); err != nil {
		t.Error(err)
	}
}
