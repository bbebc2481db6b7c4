package docs_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// An attack whose test is gone is one that nobody tries any more.
func TestEveryAttackOnThePageIsTried(t *testing.T) {
	t.Parallel()
	_, section, found := strings.Cut(readPage(t, "docs/security.md"), "## What was tried against it")
	section, _, _ = strings.Cut(section, "\n## ")
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(section, -1)
	if !found || len(named) < 60 {
		t.Fatalf("%d tests were found on the page", len(named))
	}
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.[TF]\)`)
	for _, root := range []string{"internal", "cmd", "api"} {
		err := fs.WalkDir(tree, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path.Base(name), "_test.go") {
				return err
			}
			text, err := fs.ReadFile(tree, name)
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				there[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("docs/security.md names %s, which no file of tests has", m[1])
		}
	}
}
