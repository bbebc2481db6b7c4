package docs_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"strongroom/docs"
	"strongroom/internal/cli"
)

var flagForm = regexp.MustCompile(`(?:^|\s)(--?[a-z][-a-z]*)`)

// Every "strongroom ..." of a block of commands names a subcommand and flags that are there.
func TestCommandsOfThePagesExist(t *testing.T) {
	t.Parallel()
	blocks, err := docs.Blocks(tree)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, block := range blocks {
		if language := block.Language(); language != "bash" && language != "sh" && language != "" {
			continue
		}
		text := strings.ReplaceAll(block.Text, "\\\n", " ")
		for line := range strings.Lines(text) {
			rest, found := strings.CutPrefix(strings.TrimSpace(line), "strongroom ")
			if !found {
				continue
			}
			seen++
			rest, _, _ = strings.Cut(rest, " #")
			name, arguments, _ := strings.Cut(strings.TrimSpace(rest), " ")
			help, ok := helpOf(t, name)
			if !ok {
				t.Errorf("%s: there is no subcommand %q", block, name)
				continue
			}
			if second, _, _ := strings.Cut(arguments, " "); subcommand.MatchString(second) {
				if own, ok := helpOf(t, name, second); ok && strings.HasPrefix(own, "Usage: strongroom "+name+" "+second+" ") {
					help = own
				}
			}
			for _, m := range flagForm.FindAllStringSubmatch(arguments, -1) {
				if m[1] != "-h" && !strings.Contains(help, "\n  "+m[1]+"\n") && !strings.Contains(help, "\n  "+m[1]+" ") {
					t.Errorf("%s: strongroom %s has no flag %s", block, name, m[1])
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d commands were found", seen)
	}
}

// subcommand is what a subcommand's own subcommand looks like.
var subcommand = regexp.MustCompile(`^[a-z]+$`)

func helpOf(t *testing.T, names ...string) (help string, ok bool) {
	t.Helper()
	var out bytes.Buffer
	code := cli.Run(t.Context(), cli.Process{Args: append(names, "-h"), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
	return out.String(), code == 0
}
