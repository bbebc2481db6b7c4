package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTargetsAreFoundWithTheirShares(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"internal/a/a_test.go":   "package a\n\n//fuzz:share 5\nfunc FuzzOne(f *testing.F) {\n}\nfunc FuzzTwo(f *testing.F) {\n",
		"internal/a/b/b_test.go": "package b\nfunc FuzzThree(f *testing.F) {\n",
		"internal/a/a.go":        "package a\nfunc FuzzNot(f *testing.F) {\n",
		"api/c_test.go":          "package api\n",
	})
	list, err := find(root, []string{"internal/a"})
	if want := []target{{"internal/a", "FuzzOne", 5}, {"internal/a", "FuzzTwo", 1}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v", list, err)
	}
	if list[0].inputs(1000) != 200 || list[0].inputs(2) != 1 {
		t.Errorf("%d and %d inputs", list[0].inputs(1000), list[0].inputs(2))
	}
	if list, err := find(root, []string{"api"}); err == nil {
		t.Errorf("a room without a target: %v", list)
	}
	if list, err := find(root, []string{"internal/x"}); err == nil {
		t.Errorf("no room: %v", list)
	}
}

var several = header + "string(\"a\\n\\xff\")\n[]byte(\"\")\nint(-5)\nbool(true)\nuint32(7)\n" + header + "string(\"" + strings.Repeat("x", 9) + "\")\n[]byte(\"b\")\nint(0)\nbool(false)\nuint32(0)\n"

func TestInputsReadBackTheSame(t *testing.T) {
	t.Parallel()
	list, err := parseInputs([]byte(several))
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	if got := slices.Concat(list[0].format(), list[1].format()); string(got) != several {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "x", "int(1)\n", header + "int(", header + "int\n", header + "string(5)\n", header + "int(1)\n" + header + "bool(true)\n"} {
		if list, err := parseInputs([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, list)
		}
	}
}

// Mutations are the same each time, differ by target and seed, can be read by the engine, and leave what they are made of.
func TestMutationsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	draw := func(name string, seed uint64) []byte {
		list, err := parseInputs([]byte(several))
		if err != nil {
			t.Fatal(err)
		}
		m := newMutator(target{room: "internal/a", name: name}, seed, list)
		var all []byte
		for range 3000 {
			in := m.next()
			raw := in.format()
			back, err := parseInputs(raw)
			if err != nil || !sameTypes(back[0], list[0]) || !bytes.Equal(back[0].format(), raw) {
				t.Fatalf("%s: %v", raw, err)
			}
			all = append(all, raw...)
		}
		if string(slices.Concat(list[0].format(), list[1].format())) != several {
			t.Error("what is kept has changed")
		}
		return all
	}
	first := draw("FuzzOne", 1)
	if !bytes.Equal(first, draw("FuzzOne", 1)) {
		t.Error("the same target and seed ask something else")
	}
	if bytes.Equal(first, draw("FuzzOne", 2)) || bytes.Equal(first, draw("FuzzTwo", 1)) {
		t.Error("another seed or target asks the same")
	}
}

func TestAChoiceHasTheSmallestAndTheBiggest(t *testing.T) {
	t.Parallel()
	var all [][]byte
	for i := range 100 {
		all = append(all, bytes.Repeat([]byte("x"), 100-i), bytes.Repeat([]byte("x"), 100-i))
	}
	if got := choose(all, 5); len(got) != 5 || len(got[0]) != 1 || len(got[4]) != 100 {
		t.Errorf("%q", got)
	}
}

// A module whose targets pass, fail, panic or never end, asked by the real go test.
func TestAskNamesTheInputAndKeepsIt(t *testing.T) {
	t.Parallel()
	const file = "package a\n\nimport (\"os\"; \"testing\")\n\nfunc FuzzOne(f *testing.F) {\n\tf.Fuzz(func(t *testing.T, text string) {\n" +
		"\t\tif _, err := os.Stat(\"../../go.mod\"); err != nil { t.Fatal(err) }\n\t\tif _, err := os.Stat(\"testdata/beside\"); err != nil { t.Fatal(err) }\n" +
		"\t\tif len(text) > 40 { WHAT }\n\t})\n}\n"
	for _, what := range []string{"", `t.Error("long")`, `panic("at the disco")`, "select {}"} {
		root := tree(t, map[string]string{
			"go.mod":                             "module example\n\ngo 1.26\n",
			"internal/a/a_test.go":               strings.Replace(file, "WHAT", what, 1),
			"internal/a/testdata/beside":         "",
			"internal/a/testdata/corpus/FuzzOne": header + "string(\"abc\")\n",
		})
		targets, err := find(root, []string{"internal/a"})
		if err != nil {
			t.Fatal(err)
		}
		err = ask(context.Background(), config{root: root, inputs: 300, seed: 1, gotool: "go", patience: 5 * time.Second}, targets)
		failed, _ := filepath.Glob(filepath.Join(root, "internal/a/testdata/fuzz/FuzzOne/*"))
		if what == "" {
			if err != nil || failed != nil {
				t.Errorf("%v, %v", err, failed)
			}
			continue
		}
		if err == nil || len(failed) != 1 {
			t.Fatalf("%s: %v, %v", what, err, failed)
		}
		if text, err := os.ReadFile(failed[0]); err != nil || !strings.HasPrefix(string(text), header) || len(text) < len(header)+len("string(\"\")\n")+40 {
			t.Errorf("%s: not the input that failed: %s, %v", what, text, err)
		}
	}
}

func TestAnUnknownVerbOrNumberIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"anwser"}, {"ask", "-inputs", "0"}, {"ask", "-root", "/nowhere"}} {
		if err := run(context.Background(), args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
