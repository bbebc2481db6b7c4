package docs

import (
	"io/fs"
	"regexp"
	"strings"
)

// Quote is a message of ours that a page quotes.
type Quote struct {
	File string
	Line int
	Text string // "…" stands for what varies
}

var code = regexp.MustCompile("`([^`]+)`")

// Quotes lists the messages that the pages quote as the program's own: what stands as code in a heading of the third
// level that begins with code, and in the first column of a table whose first column is headed "message". What others
// say (the kubelet, Azure) is put in quotation marks there instead.
func Quotes(tree fs.FS) ([]Quote, error) {
	pages, err := Pages(tree)
	if err != nil {
		return nil, err
	}
	var quotes []Quote
	for _, page := range pages {
		text, err := fs.ReadFile(tree, page)
		if err != nil {
			return nil, err
		}
		quotes = append(quotes, quotesOf(page, string(text))...)
	}
	return quotes, nil
}

func quotesOf(page, text string) (quotes []Quote) {
	number, inTable := 0, false
	for line := range strings.Lines(text) {
		number++
		cell := ""
		switch {
		case strings.HasPrefix(line, "### `"):
			cell = line
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable:
			cell, _, _ = strings.Cut(line[1:], "|")
		default:
			inTable = strings.HasPrefix(line, "| message |")
		}
		for _, m := range code.FindAllStringSubmatch(cell, -1) {
			quotes = append(quotes, Quote{File: page, Line: number, Text: m[1]})
		}
	}
	return quotes
}
