package docs_test

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

	"strongroom/docs"
)

// A page that quotes a message nobody says any more sends its reader looking for nothing.
func TestQuotedMessagesAreStillSaid(t *testing.T) {
	t.Parallel()
	quotes, err := docs.Quotes(tree)
	if err != nil {
		t.Fatal(err)
	}
	said := literals(t)
	if len(quotes) < 40 || len(said) < 1000 {
		t.Fatalf("%d quotes and %d texts were found: are some being missed?", len(quotes), len(said))
	}
	for _, quote := range quotes {
		if !anyContains(said, quote.Text) {
			t.Errorf("%s:%d quotes %q, which no text of the source holds", quote.File, quote.Line, quote.Text)
		}
	}
}

func anyContains(texts map[string]bool, want string) bool {
	if texts[want] {
		return true
	}
	for text := range texts {
		if inOrder(text, strings.Split(want, "…")) {
			return true
		}
	}
	return false
}

// inOrder is true when the text holds all the pieces, one after the other.
func inOrder(text string, pieces []string) bool {
	for _, piece := range pieces {
		_, rest, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = rest
	}
	return true
}

func TestAQuoteThatNobodySaysIsCaught(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{"failed to get secretproviderclass …/…, error": true}
	for quote, want := range map[string]bool{
		"failed to get secretproviderclass …/…, error": true,
		"failed to get secretproviderclass …":          true,
		"…, error":                                     true,
		"failed to find secretproviderclass …":         false,
		", error … failed":                             false,
	} {
		if anyContains(texts, quote) != want {
			t.Errorf("%q: want %v", quote, want)
		}
	}
}

// varying is a formatting verb; a quote has "…" in its place.
var varying = regexp.MustCompile(`"?%[-+# 0-9.*]*[a-zA-Z]"?|%\.[0-9]+q`)

// literals lists every text of the product's source, constants joined by + as one, with "…" for what varies.
func literals(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, root := range []string{"../internal", "../api"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, whole := textOf(e); whole {
						all[varying.ReplaceAllString(text, "…")] = true
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
	return all
}

// textOf is a string literal, or several joined by +; what is no literal among them varies.
func textOf(e ast.Expr) (text string, whole bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return textOf(e.X)
	case *ast.BinaryExpr:
		left, ok1 := textOf(e.X)
		right, ok2 := textOf(e.Y)
		if e.Op != token.ADD || (!ok1 && !ok2) {
			return "", false
		}
		if !ok1 {
			left = "…"
		}
		if !ok2 {
			right = "…"
		}
		return left + right, true
	}
	return "", false
}
