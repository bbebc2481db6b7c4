package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	target  = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9]+)\(`)
	decoder = regexp.MustCompile(`json\.(Unmarshal|NewDecoder)|yaml\.(Unmarshal|NewDecoder)|pem\.Decode|x509\.Parse|netip\.Parse|url\.Parse\(|DecodeString|jwt\.Parse|ParseForm|bufio\.NewScanner`)
	row     = regexp.MustCompile("(?m)^\\| `((?:api|internal)/[a-z0-9/]+)` \\| (.*?) \\|")
	quoted  = regexp.MustCompile("`(Fuzz[A-Za-z0-9]+)`")
)

// The page's table of parsers is the tree's: every fuzz target stands in it, and every room that decodes anything has a
// target there or a reason why not.
func TestEveryParserIsFuzzedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	told, rooms := map[string]bool{}, map[string]bool{}
	for _, line := range row.FindAllStringSubmatch(string(page), -1) {
		rooms[line[1]] = true
		for _, name := range quoted.FindAllStringSubmatch(line[2], -1) {
			told[line[1]+" "+name[1]] = true
		}
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (elsewhere(entry.Name()) || isModule(path)):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		room := filepath.ToSlash(inside)
		if !strings.HasSuffix(path, "_test.go") {
			if strings.HasPrefix(room, "internal/") && decoder.Match(text) && !rooms[room] {
				t.Errorf("%s decodes something: give %s a fuzz target, or say in docs/testing.md why it has none", path, room)
			}
			return nil
		}
		for _, name := range target.FindAllStringSubmatch(string(text), -1) {
			if key := room + " " + name[1]; !told[key] {
				t.Errorf("docs/testing.md does not list %s of %s", name[1], room)
			} else {
				delete(told, key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range told {
		t.Errorf("docs/testing.md lists %s, which is not there", key)
	}
}
