package house

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a file of the product may have; a second thought deserves a second file.
const longest = 300

// unfinished are the words that say somebody meant to come back. Nobody will. They are spelled so that this file does
// not catch itself.
var unfinished = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:", "not imple" + "mented yet"}

func TestFiles(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, problem := range judgeFile(path, text) {
			t.Errorf("%s: %s", path, problem)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesCatchesWhatItShould(t *testing.T) {
	t.Parallel()
	long := []byte("package p\n" + strings.Repeat("\n", longest))
	if len(judgeFile("p.go", long)) == 0 || len(judgeFile("p_test.go", long)) != 0 {
		t.Error("the bound on lines does not hold for product files alone")
	}
	if len(judgeFile("p_test.go", []byte("// "+unfinished[0]))) == 0 {
		t.Error("unfinished work was not seen")
	}
}

func judgeFile(path string, text []byte) (problems []string) {
	generated := bytes.Contains(text[:min(len(text), 2048)], []byte("// Code generated"))
	if lines := bytes.Count(text, []byte("\n")); lines > longest && !generated && !strings.HasSuffix(path, "_test.go") {
		problems = append(problems, "the file is too long; give its second thought a file of its own")
	}
	for _, word := range unfinished {
		if bytes.Contains(text, []byte(word)) {
			problems = append(problems, "says "+word+": finish it, or say in docs/ why it is not there")
		}
	}
	return problems
}
