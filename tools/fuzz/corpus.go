package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// header begins each input in the form of Go's own fuzzing (https://go.dev/doc/security/fuzz/#corpus-file-format); a file
// of several is those files one after the other.
const header = "go test fuzz v1\n"

// value is one argument of an input: bytes for a string or []byte, a number's or a bool's literal for the rest.
type value struct {
	typ  string
	text []byte
}

// input is what a target is asked once: the values of its arguments.
type input []value

// format writes an input as Go's fuzzing reads it.
func (in input) format() []byte {
	var b bytes.Buffer
	b.WriteString(header)
	for _, v := range in {
		if v.isText() {
			fmt.Fprintf(&b, "%s(%q)\n", v.typ, v.text)
		} else {
			fmt.Fprintf(&b, "%s(%s)\n", v.typ, v.text)
		}
	}
	return b.Bytes()
}

func (v value) isText() bool { return v.typ == "string" || v.typ == "[]byte" }

// parseInputs reads a file of inputs, one or several.
func parseInputs(text []byte) ([]input, error) {
	parts := strings.Split(string(text), header)
	if parts[0] != "" || len(parts) < 2 {
		return nil, errors.New("no inputs of Go's fuzzing")
	}
	var all []input
	for _, part := range parts[1:] {
		var in input
		for line := range strings.Lines(part) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			v, err := parseValue(line)
			if err != nil {
				return nil, err
			}
			in = append(in, v)
		}
		if len(all) > 0 && !sameTypes(in, all[0]) {
			return nil, fmt.Errorf("input %d has other types than the first", len(all)+1)
		}
		all = append(all, in)
	}
	return all, nil
}

func sameTypes(a, b input) bool {
	return slices.EqualFunc(a, b, func(x, y value) bool { return x.typ == y.typ })
}

// parseValue reads a line such as []byte("x"), int(-5) or byte('\n').
func parseValue(line string) (value, error) {
	refused := fmt.Errorf("%.60s is no value of Go's fuzzing", line)
	expr, err := parser.ParseExpr(line)
	if err != nil {
		return value{}, refused
	}
	call, ok := expr.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return value{}, refused
	}
	v := value{typ: line[:strings.IndexByte(line, '(')]}
	literal := line[len(v.typ)+1 : len(line)-1]
	if !v.isText() {
		v.text = []byte(literal)
		return v, nil
	}
	text, err := strconv.Unquote(literal)
	if err != nil {
		return value{}, refused
	}
	v.text = []byte(text)
	return v, nil
}

// kept reads the inputs that the tree keeps of a target. Those that failed once are not among them: a plain go test asks
// them, and one more of them would change every mutation.
func (t target) kept(root string) ([]input, error) {
	text, err := os.ReadFile(t.corpus(root))
	if err != nil {
		return nil, fmt.Errorf("%w; fuzz explore and fuzz keep make what is missing", err)
	}
	list, err := parseInputs(text)
	if err == nil && len(list[0]) == 0 {
		err = errors.New("its first input has no arguments")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.corpus(root), err)
	}
	return list, nil
}

// corpus is the file of a target's kept inputs.
func (t target) corpus(root string) string {
	return filepath.Join(root, filepath.FromSlash(t.room), "testdata", "corpus", t.name)
}

// failed is the folder of inputs that a plain go test asks again each time.
func (t target) failed(root string) string {
	return filepath.Join(root, filepath.FromSlash(t.room), "testdata", "fuzz", t.name)
}
