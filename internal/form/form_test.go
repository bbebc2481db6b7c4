package form_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/form"
)

func TestAFormBoundsALengthWithoutCounting(t *testing.T) {
	t.Parallel()
	counted, bounded := regexp.MustCompile(`^[a-z-]{1,12}$`), form.UpTo(12, `^[a-z-]+$`)
	for _, text := range []string{"", "a", "a-b", "A", "abcdefghijkl", "abcdefghijklm", "abc\n", strings.Repeat("a", 1000)} {
		if got, want := bounded.MatchString(text), counted.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		if got, want := bounded.Match([]byte(text)), counted.MatchString(text); got != want {
			t.Errorf("%q as bytes: %v, want %v", text, got, want)
		}
	}
	if got := form.New(`b(c)`).FindStringSubmatch("abcd"); len(got) != 2 || got[1] != "c" {
		t.Errorf("%q", got)
	}
}

// TestEveryPatternCompiles because a lazy one would be found out by whoever meets it first, and no room compiles one when
// the program starts.
func TestEveryPatternCompiles(t *testing.T) {
	t.Parallel()
	files, found := token.NewFileSet(), 0
	for _, root := range []string{"../../internal", "../../api", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, _ := n.(*ast.CallExpr)
				if call == nil {
					return true
				}
				of, _ := call.Fun.(*ast.SelectorExpr)
				if of == nil {
					return true
				}
				room, _ := of.X.(*ast.Ident)
				switch {
				case room == nil:
				case room.Name == "regexp" && !strings.HasSuffix(filepath.ToSlash(path), "form/form.go"):
					t.Errorf("%s: use internal/form, so that a process compiles only what it needs", files.Position(call.Pos()))
				case room.Name == "form" && (of.Sel.Name == "New" || of.Sel.Name == "UpTo"):
					found++
					literal, _ := call.Args[len(call.Args)-1].(*ast.BasicLit)
					if literal == nil {
						t.Errorf("%s: a pattern that is not written there", files.Position(call.Pos()))
						return true
					}
					pattern, _ := strconv.Unquote(literal.Value)
					if _, err := regexp.Compile(pattern); err != nil {
						t.Errorf("%s: %v", files.Position(call.Pos()), err)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("only %d patterns were found", found)
	}
}
