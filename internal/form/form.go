// Package form holds patterns that are compiled when they are first matched. Every process of the one binary, a FlexVolume's
// among them that lives for 30 ms, would compile all patterns of all rooms at its start otherwise. It is a leaf.
package form

import (
	"regexp"
	"sync"
)

// Form is a pattern in the syntax of package regexp. It is safe for concurrent use; make it with New or UpTo.
type Form struct {
	pattern string
	longest int // in bytes; 0 is no bound
	once    sync.Once
	regexp  *regexp.Regexp
}

// New is a form by its pattern. A pattern that cannot be compiled panics when it is first needed; a test compiles every
// one in the tree.
func New(pattern string) *Form { return &Form{pattern: pattern} }

// UpTo is a form that no text longer than so many bytes has. A count in a pattern has the part it is about compiled so many
// times over: {1,127} takes a thousand times the memory of a plus.
func UpTo(longest int, pattern string) *Form { return &Form{pattern: pattern, longest: longest} }

func (f *Form) compiled() *regexp.Regexp {
	f.once.Do(func() { f.regexp = regexp.MustCompile(f.pattern) })
	return f.regexp
}

func (f *Form) tooLong(length int) bool { return f.longest > 0 && length > f.longest }

// MatchString says whether a text has the form, or something in it where the pattern is not anchored.
func (f *Form) MatchString(text string) bool {
	return !f.tooLong(len(text)) && f.compiled().MatchString(text)
}

// Match is MatchString of bytes.
func (f *Form) Match(text []byte) bool { return !f.tooLong(len(text)) && f.compiled().Match(text) }

// FindString, FindStringIndex, FindStringSubmatch, FindStringSubmatchIndex, FindAllString and ReplaceAllString are those
// of package regexp. They look at texts of any length.
func (f *Form) FindString(text string) string             { return f.compiled().FindString(text) }
func (f *Form) FindStringIndex(text string) []int         { return f.compiled().FindStringIndex(text) }
func (f *Form) FindStringSubmatch(text string) []string   { return f.compiled().FindStringSubmatch(text) }
func (f *Form) FindAllString(text string, n int) []string { return f.compiled().FindAllString(text, n) }
func (f *Form) ReplaceAllString(text, instead string) string {
	return f.compiled().ReplaceAllString(text, instead)
}
