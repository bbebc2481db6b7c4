// Package docs is the manual, and the reader that keeps it honest: it finds what people copy out of the pages, so that
// tests can try it. Pages are README.md, CONTRIBUTING.md and every Markdown file under docs/.
package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Block is one fenced block of code on a page.
type Block struct {
	File string // the page, relative to the root of the tree
	Line int    // of its first line of code, from 1
	Info string // what stands behind the opening fence, such as "yaml"; may be empty
	Text string // without the fence's own indentation
}

// String is where the block stands, for messages.
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

// Language is the first word of Info, in lower case; empty for a block that names none.
func (b Block) Language() string {
	word, _, _ := strings.Cut(strings.TrimSpace(b.Info), " ")
	return strings.ToLower(word)
}

// Pages lists the manual's files in order. tree is the root of the repository.
func Pages(tree fs.FS) ([]string, error) {
	pages := []string{"README.md", "CONTRIBUTING.md"}
	err := fs.WalkDir(tree, "docs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return err
	})
	return pages, err
}

// Blocks lists every fenced block of every page, in order. An opening fence without a closing one is an error, since
// the rest of that page would be shown as code.
func Blocks(tree fs.FS) ([]Block, error) {
	pages, err := Pages(tree)
	if err != nil {
		return nil, err
	}
	var all []Block
	for _, page := range pages {
		text, err := fs.ReadFile(tree, page)
		if err != nil {
			return nil, err
		}
		blocks, err := blocksOf(page, string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, blocks...)
	}
	return all, nil
}

// Manifests lists the YAML blocks that "kubectl apply" takes: those whose every document has apiVersion and kind. The
// others are settings of programs (a policy, the emulator's state, a chart's values).
func Manifests(tree fs.FS) ([]Block, error) {
	blocks, err := Blocks(tree)
	if err != nil {
		return nil, err
	}
	var broken error
	manifests := slices.DeleteFunc(blocks, func(b Block) bool {
		if !b.isYAML() {
			return true
		}
		documents, err := b.Documents()
		if err != nil {
			broken = errors.Join(broken, err)
		}
		return len(documents) == 0 || slices.ContainsFunc(documents, func(d map[string]any) bool {
			return d["apiVersion"] == nil || d["kind"] == nil
		})
	})
	return manifests, broken
}

// Documents decodes a YAML block. Comments alone are no document.
func (b Block) Documents() ([]map[string]any, error) {
	var documents []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(b.Text)))
	for {
		var document map[string]any
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", b, err)
		case document != nil:
			documents = append(documents, document)
		}
	}
}

func (b Block) isYAML() bool { return b.Language() == "yaml" || b.Language() == "yml" }

// blocksOf reads one page. A fence is a line that begins, after white space, with three backticks; it ends at the next
// such line with nothing behind them.
func blocksOf(page, text string) ([]Block, error) {
	var blocks []Block
	var open *Block
	var indent int
	number := 0
	for line := range strings.Lines(text) {
		number++
		bare := strings.TrimLeft(line, " ")
		info, fence := strings.CutPrefix(bare, "```")
		info = strings.TrimSpace(info)
		switch {
		case open == nil && fence:
			open, indent = &Block{File: page, Line: number + 1, Info: info}, len(line)-len(bare)
		case open != nil && fence && info == "":
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += line[min(indent, len(line)-len(bare)):]
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block is never closed", open)
	}
	return blocks, nil
}
