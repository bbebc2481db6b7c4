package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every package with tests ends them by looking for goroutines that are still there: one that a test has started without
// ending, or that the product has left behind. A package says so in its TestMain, by goleak.
func TestEveryPackageLooksForLeaks(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	tested, checked := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (elsewhere(entry.Name()) || isModule(path)):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		room := filepath.ToSlash(filepath.Dir(path))
		runs, looks := judgeTests(string(text))
		tested[room], checked[room] = tested[room] || runs, checked[room] || looks
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room, runs := range tested {
		if runs && !checked[room] {
			t.Errorf("%s has tests and does not look for goroutines they leave: func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }", room)
		}
	}
	if len(tested) < 50 {
		t.Errorf("only %d packages were found", len(tested))
	}
}

// judgeTests says of a file whether it has tests that always run, and whether it looks for leaks at their end.
func judgeTests(text string) (runs, looks bool) {
	build, _, _ := strings.Cut(text, "\n")
	tagged := strings.HasPrefix(build, "//go:build e2e") || strings.HasPrefix(build, "//go:build azurelive")
	runs = !tagged && strings.Contains(text, "\nfunc Test") && !strings.Contains(text, "\nfunc TestMain(m *testing.M) { goleak.")
	looks = !tagged && strings.Contains(text, "\nfunc TestMain(") && (strings.Contains(text, "goleak.VerifyTestMain(m") || strings.Contains(text, "goleak.Find("))
	return runs, looks
}

func TestJudgeTests(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"package p\nfunc TestX(t *testing.T) {}":                                {true, false},
		"package p\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }":           {true, false},
		"package p\nfunc TestMain(m *testing.M) { goleak.VerifyTestMain(m) }":   {false, true},
		"//go:build e2e\n\npackage p\nfunc TestX(t *testing.T) {}":              {false, false},
		"package p\nfunc TestMain(m *testing.M) {\n\tif err := goleak.Find() }": {true, true},
	} {
		if runs, looks := judgeTests(text); runs != want[0] || looks != want[1] {
			t.Errorf("%q: %t, %t", text, runs, looks)
		}
	}
}
