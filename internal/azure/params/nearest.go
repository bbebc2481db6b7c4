package params

import (
	"fmt"
	"strings"
)

// didYouMean is "; did you mean <name>?" for the name a misspelt word is closest to, and empty when none is close.
func didYouMean(word string, names []string) string {
	if name := nearest(word, names); name != "" {
		return fmt.Sprintf("; did you mean %s?", name)
	}
	return ""
}

// nearest is the name at most two edits away from the word, case not counting; empty when there is none.
func nearest(word string, names []string) string {
	const most = 2
	best, bestDistance := "", most+1
	for _, name := range names {
		if len(word) > len(name)+most || len(name) > len(word)+most {
			continue
		}
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements of bytes between two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
