package stress

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

var (
	size    = flag.String("storm", "breeze", "breeze, short, tenth or full")
	machine = flag.String("machine", "", "write docs/reliability.md, and say of the figures that they are of this machine and day")
)

var sizes = map[string]func() Config{"breeze": Breeze, "short": Short, "tenth": Tenth, "full": Full}

// TestStorm is what `make stress` and `make stress-short` run, and in a small form `make test`.
func TestStorm(t *testing.T) {
	t.Parallel()
	made, known := sizes[*size]
	if !known {
		t.Fatalf("no storm is called %q", *size)
	}
	c := made()
	c.Dir = volumesDir(t)
	if *size != "breeze" {
		fmt.Fprint(os.Stderr, heading)
		c.Done = func(row Row) { fmt.Fprint(os.Stderr, row.line(c)) }
	}
	passed, stop := machineTime()
	defer stop()
	synctest.Test(t, func(t *testing.T) {
		report, err := Storm(t.Context(), c, passed)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range report.Wrong() {
			t.Error(what)
		}
		if *machine == "" {
			return
		}
		docs := filepath.Join("..", "..", "docs")
		if err := report.Write(filepath.Join(docs, "reliability.md"), filepath.Join(docs, "reliability.svg"), *machine); err != nil {
			t.Error(err)
		}
	})
}

// volumesDir is a directory in memory where there is one: the files of 8,000 pods are small and many.
func volumesDir(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		if dir, err := os.MkdirTemp("/dev/shm", "strongroom-storm-"); err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// The page tells of the phases that there are, and its picture is small.
func TestThePageIsOfThesePhases(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), pageBegin)
	part, _, found := strings.Cut(part, pageEnd)
	if !found {
		t.Fatalf("the page has no part between %s and %s", pageBegin, pageEnd)
	}
	for i, p := range Phases(Full()) {
		if want := fmt.Sprintf("%d. **%s**: %s.\n", i+1, p.Name, p.Tried); !strings.Contains(part, want) {
			t.Errorf("the page does not say: %s", want)
		}
		if !strings.Contains(part, "\n| "+p.Name+" |") {
			t.Errorf("the page's table has no row %q: run make stress", p.Name)
		}
	}
	picture, err := os.Stat(filepath.Join("..", "..", "docs", "reliability.svg"))
	if err != nil || picture.Size() > 60<<10 {
		t.Errorf("the picture: %v, %v", picture, err)
	}
}
