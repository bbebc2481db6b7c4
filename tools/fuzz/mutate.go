package main

import (
	"bytes"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// mutator makes new inputs of kept ones. The same inputs, name and seed make the same ones, on any machine.
type mutator struct {
	rand  *rand.Rand
	from  []input
	words [][]byte // what the kept inputs are made of
}

// longest is where a text stops growing: what is longer is slow, and no parser turns at it.
const longest = 64 << 10

// odd are texts that parsers trip over: ends of lines and of strings, letters that fold or print backwards, numbers at
// the edges of their types, ways up the tree.
var odd = []string{
	"\x00", "\n", "\r\n", "\t", " ", "\"", "'", "\\", "/", "//", "..", "../", "%2e%2e%2f", "%00", "%", "?", "#", "@", ":", ";", ",", "=", "&", "*", "!",
	"{", "}", "[", "]", "{}", "[]", "[{", "null", "true", "~", "---\n", "<<: ", "&a ", "*a", "!!binary ", "\xef\xbb\xbf", "\xff", "\xfe\xff",
	"\u202e", "\u0130", "\u0131", "\u017f", "\u212a", "\u00df", "\u200b", "\u2028", "\ufffd", "\U0001f511", "\u0301",
	"0", "-1", "-0", "1e309", "1e-400", "0x10", "0600", "127", "128", "255", "256", "65536", "2147483648", "9223372036854775807", "9223372036854775808",
	"18446744073709551616", "NaN", "999999999999999999999", "2026-02-30T25:61:61Z", "Mon, 01 Jan 0001 00:00:00 GMT", "=?utf-8?q?x?=", "xn--", "[::1]", "127.0.0.1", "::ffff:1.2.3.4",
}

var word = regexp.MustCompile(`[\pL\pN_.-]{2,64}|[^\pL\pN\s]{1,3}`)

func newMutator(t target, seed uint64, from []input) *mutator {
	name := fnv.New64a()
	name.Write([]byte(t.room + " " + t.name))
	m := &mutator{rand: rand.New(rand.NewPCG(seed, name.Sum64())), from: from}
	seen := map[string]bool{}
	for _, in := range from {
		for _, v := range in {
			for _, w := range word.FindAll(v.text, 200) {
				if !seen[string(w)] {
					seen[string(w)] = true
					m.words = append(m.words, w)
				}
			}
		}
	}
	for _, text := range odd {
		m.words = append(m.words, []byte(text))
	}
	return m
}

// next is a kept input with one to eight changes, mostly few, in any of its arguments.
func (m *mutator) next() input {
	in := slices.Clone(m.from[m.rand.IntN(len(m.from))])
	for changes := 1; ; changes++ {
		at := m.rand.IntN(len(in))
		in[at] = m.change(in[at], at)
		if changes == 8 || m.rand.IntN(2) == 0 {
			return in
		}
	}
}

// change changes one argument, the at-th of its input.
func (m *mutator) change(v value, at int) value {
	if other := m.from[m.rand.IntN(len(m.from))][at]; m.rand.IntN(8) == 0 {
		return other
	} else if v.isText() {
		return value{typ: v.typ, text: m.text(v.text, other.text)}
	}
	return value{typ: v.typ, text: []byte(m.literal(v.typ, string(v.text)))}
}

// text makes one change in a text; it leaves the one it is given as it is, since kept inputs are asked again.
func (m *mutator) text(was, other []byte) []byte {
	from, to := m.span(len(was))
	part := was[from:to]
	switch m.rand.IntN(12) {
	case 0: // a bit
		if len(was) == 0 {
			return []byte{byte(m.rand.Uint32())}
		}
		b := bytes.Clone(was)
		b[from%len(b)] ^= 1 << m.rand.IntN(8)
		return b
	case 1: // a byte
		return splice(was, from, min(from+1, len(was)), []byte{byte(m.rand.Uint32())})
	case 2: // a letter
		return splice(was, from, from, utf8.AppendRune(nil, m.rand.Int32N(0x3000)))
	case 3: // a part goes
		return splice(was, from, to, nil)
	case 4: // a part comes twice
		return splice(was, from, from, part)
	case 5: // a part goes elsewhere
		at := m.rand.IntN(len(was) + 1)
		return splice(was, at, min(at+len(part), len(was)), part)
	case 6: // a word comes in
		return splice(was, from, from, m.word())
	case 7: // a word in place of another
		if at := word.FindAllIndex(was, 200); len(at) > 0 {
			one := at[m.rand.IntN(len(at))]
			return splice(was, one[0], one[1], m.word())
		}
		return m.word()
	case 8: // the beginning of one and the end of another
		cut := m.rand.IntN(len(other) + 1)
		return splice(was, from, len(was), other[cut:])
	case 9: // the other case
		b := bytes.Clone(was)
		for i := from; i < to; i++ {
			if c := b[i] | 0x20; 'a' <= c && c <= 'z' {
				b[i] ^= 0x20
			}
		}
		return b
	case 10: // something very long
		if len(part) == 0 || len(part) > 8 {
			part = []byte{'a'}
		}
		return splice(was, from, to, bytes.Repeat(part, 1<<m.rand.IntN(12)+m.rand.IntN(3)))
	default: // a word as often as it likes, with something between
		return splice(was, from, from, bytes.Repeat(append(bytes.Clone(m.word()), m.word()...), 1+m.rand.IntN(40)))
	}
}

// span is a part of something so long, mostly a short one.
func (m *mutator) span(length int) (from, to int) {
	from = m.rand.IntN(length + 1)
	most := length - from
	if m.rand.IntN(4) > 0 {
		most = min(most, 16)
	}
	return from, from + m.rand.IntN(most+1)
}

func (m *mutator) word() []byte { return m.words[m.rand.IntN(len(m.words))] }

// splice puts a part in place of another, in new memory.
func splice(was []byte, from, to int, part []byte) []byte {
	made := slices.Concat(was[:from], part, was[to:])
	return made[:min(len(made), max(longest, len(was)))]
}

// literal is another number, or the other bool.
func (m *mutator) literal(typ, was string) string {
	bits := map[string]int{"int": 64, "int64": 64, "int32": 32, "uint": 64, "uint64": 64, "uint32": 32, "uint16": 16, "byte": 8, "uint8": 8}[typ]
	switch {
	case typ == "bool":
		return strconv.FormatBool(was != "true")
	case bits == 0:
		return was // a type that no target of ours has
	case typ[0] == 'i':
		n, _ := strconv.ParseInt(was, 0, bits) // a literal in another form counts as 0
		edges := []int64{n + 1, n - 1, -n, n + int64(m.rand.IntN(1000)), int64(m.rand.IntN(1000)), 0, 1, -1, 1<<(bits-1) - 1, -1 << (bits - 1)}
		n = edges[m.rand.IntN(len(edges))] << (64 - bits) >> (64 - bits)
		return strconv.FormatInt(n, 10)
	default:
		n, _ := strconv.ParseUint(was, 0, bits)
		edges := []uint64{n + 1, n - 1, n + uint64(m.rand.IntN(1000)), uint64(m.rand.IntN(1000)), 0, 1, 1<<bits - 1, m.rand.Uint64()}
		return strconv.FormatUint(edges[m.rand.IntN(len(edges))]<<(64-bits)>>(64-bits), 10)
	}
}
