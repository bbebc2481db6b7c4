package params_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
)

// many is n objects in the documented form.
func many(n int) string {
	var b strings.Builder
	b.WriteString("array:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - |\n    objectName: secret-%d\n    objectType: secret\n    objectVersion: \"\"\n    objectAlias: dir/file-%d\n", i, i)
	}
	return b.String()
}

func TestDecodeTakesHundredsOfObjectsAndBoundsThem(t *testing.T) {
	t.Parallel()
	for _, n := range []int{500, 1000} {
		if got := len(decode(t, withObjects(many(n))).Objects); got != n {
			t.Errorf("%d objects of %d", got, n)
		}
	}
	refused(t, withObjects(many(1001)), "names 1001 objects, and at most 1000 can be mounted")
}

// Each of these costs a naive reader gigabytes or minutes. The deadline is generous: under the race detector on a
// busy machine the slowest takes a small part of it.
func TestDecodeIsCheapForHostileObjects(t *testing.T) {
	t.Parallel()
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9))
	}
	big := strings.Repeat("x", 60<<10)
	for name, text := range map[string]string{
		"a billion laughs":           laughs + "array: *j\n",
		"a long string repeated":     "a: &a '" + strings.Repeat("b: c, ", 9<<10) + "'\narray: [" + strings.Repeat("*a,", 1000) + "]",
		"a long field repeated":      "a: &a " + strings.Repeat(" ", 1000) + "'" + big + "'\narray: [" + strings.Repeat("{objectName: *a},", 999) + "]",
		"more than a mebibyte":       strings.Repeat("#", 1<<20+1),
		"brackets":                   strings.Repeat("[", 1<<20-1),
		"dashes":                     strings.Repeat("- ", 1<<19-1),
		"braces within one string":   "array: ['" + strings.Repeat("{", 63<<10) + "']",
		"a map that repeats a key":   "array: [{" + strings.Repeat("objectName: a,", 10000) + "}]",
		"an anchor within itself":    "array: &a [*a]",
		"an anchor for no value":     "array: *nothing",
		"deep paths":                 "a: &a " + strings.Repeat("a/", 4000/2) + "b\narray: [" + strings.Repeat("{objectName: x, objectType: secret, objectAlias: *a},", 999) + "]",
		"a thousand long histories":  strings.ReplaceAll(many(1000), "objectVersion: \"\"", "objectVersionHistory: 999999"),
		"a thousand that are one":    "a: &a {objectName: x, objectType: secret}\narray: [" + strings.Repeat("*a,", 1000) + "]",
		"keys that are long and odd": "array: [{" + strings.Repeat("? "+strings.Repeat("k", 1000)+" : v,", 60) + "}]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := params.Decode(withObjects(text))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if err == nil && name != "a thousand long histories" {
				t.Error("accepted")
			}
			if err != nil && (fault.KindOf(err) != fault.Invalid || len(fault.Explain(err)) > 64<<10) {
				t.Errorf("%.300v", err)
			}
		})
	}
}
