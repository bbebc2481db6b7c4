package material

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
)

// permutations of n indexes.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			p := append([]int{}, shorter[:at]...)
			all = append(all, append(append(p, n-1), shorter[at:]...))
		}
	}
	return all
}

// ordered shuffles a chain, sorts it and names the result.
func ordered(list []*authority, shuffle []int, key crypto.PublicKey) (string, string) {
	mixed := make([]*authority, len(shuffle))
	for to, from := range shuffle {
		mixed[to] = list[from]
	}
	order, note := chainOrder(parsed(mixed), key)
	words := make([]string, len(order))
	for i, at := range order {
		words[i] = mixed[at].cert.Subject.CommonName
	}
	return strings.Join(words, " "), note
}

func TestChainOrderSortsEveryPermutation(t *testing.T) {
	t.Parallel()
	for _, bare := range []bool{false, true} { // bare: by names alone
		for _, names := range [][]string{{"leaf"}, {"leaf", "root"}, {"leaf", "middle", "root"}, {"leaf", "low", "high", "root"}} {
			list := chain(t, bare, names...)
			for _, key := range []crypto.PublicKey{nil, list[0].key.Public()} {
				for _, shuffle := range permutations(len(list)) {
					got, note := ordered(list, shuffle, key)
					if got != strings.Join(names, " ") || note != "" {
						t.Errorf("bare %v, %v: %s, %q", bare, shuffle, got, note)
					}
				}
			}
		}
	}
}

func TestChainOrderKeepsTheRestOfAnIncompleteChain(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "low", "high", "root")
	stranger := chain(t, false, "stranger")[0]
	gap := []*authority{list[3], stranger, list[0]} // without low and high
	got, note := ordered(gap, []int{0, 1, 2}, list[0].key.Public())
	if got != "leaf root stranger" || !strings.Contains(note, "links 1 of 3") {
		t.Errorf("%s, %q", got, note)
	}
	part := []*authority{list[2], stranger, list[1], list[0]} // without the root
	got, note = ordered(part, []int{0, 1, 2, 3}, list[0].key.Public())
	if got != "leaf low high stranger" || !strings.Contains(note, "links 3 of 4") {
		t.Errorf("%s, %q", got, note)
	}
}

func TestChainOrderNeverHangs(t *testing.T) {
	t.Parallel()
	// Two authorities that certify each other, and a ring of three: nobody is the leaf.
	a, b, c := issue(t, "a", nil, true), issue(t, "b", nil, true), issue(t, "c", nil, true)
	cross := func(subject, issuer *authority) *authority {
		made := issue(t, subject.cert.Subject.CommonName, issuer, true)
		return made
	}
	for _, ring := range [][]*authority{
		{cross(a, b), cross(b, a)},
		{cross(a, b), cross(b, c), cross(c, a)},
		{a, a, a},
	} {
		order, note := chainOrder(parsed(ring), nil)
		if len(order) != len(ring) || note == "" {
			t.Errorf("%v %q", order, note)
		}
		again, _ := chainOrder(parsed(ring), nil)
		if fmt.Sprint(order) != fmt.Sprint(again) {
			t.Errorf("%v, then %v", order, again)
		}
	}
	if order, note := chainOrder(nil, nil); len(order) != 0 || note != "" {
		t.Error(order, note)
	}
}

func TestChainOrderPrefersKeyIdsOverNames(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "root")
	impostor := issue(t, "root", nil, false) // the same name, and the same key id by our naming
	impostor.cert.SubjectKeyId = []byte("another")
	got, note := ordered([]*authority{impostor, list[1], list[0]}, []int{0, 1, 2}, list[0].key.Public())
	order, _ := chainOrder(parsed([]*authority{impostor, list[1], list[0]}), list[0].key.Public())
	if got != "leaf root root" || order[1] != 1 || !strings.Contains(note, "links 2 of 3") {
		t.Errorf("%v %s %q", order, got, note)
	}
}
