package arm

import (
	"strings"
	"testing"
)

const fuzzed = "/subscriptions/0a/resourceGroups/G_(1).x/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Web-1"

func TestIdentitiesInWords(t *testing.T) {
	t.Parallel()
	one, other := strings.ToLower(fuzzed), strings.ToLower(fuzzed)+"_b"
	for text, want := range map[string]string{
		"":                                           "",
		"the scope '/subscriptions/x'":               "",
		"'" + fuzzed + "'":                           one,
		`"` + fuzzed + `".`:                          one,
		`\"` + fuzzed + `\" was`:                     one,
		fuzzed + ".":                                 one,
		"'" + fuzzed + "," + fuzzed + "_b'":          one + " " + other,
		"'" + fuzzed + "', '" + fuzzed + "_b'":       one + " " + other,
		fuzzed + ";" + one:                           one,
		strings.Replace(fuzzed, "G_(1).x", "..", 1):  "",
		strings.Replace(fuzzed, "G_(1).x", "a b", 1): "",
	} {
		if got := strings.Join(identitiesIn(text), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzIdentitiesIn(f *testing.F) {
	f.Add("on the linked scope(s) '"+fuzzed+","+fuzzed+"2' or", "a")
	f.Add(`{"error":"\"`+fuzzed+`\""}`, "b")
	f.Fuzz(func(t *testing.T, before, name string) {
		seen := map[string]bool{}
		for _, id := range identitiesIn(before) {
			if !isIdentity(id) || seen[id] || id != strings.ToLower(id) {
				t.Errorf("%q", id)
			}
			seen[id] = true
		}
		planted := strings.ToLower(strings.TrimSuffix(fuzzed, "Web-1") + name)
		if !isIdentity(planted) || identityForm.FindString(planted) != planted {
			return // no name, or one that is too long
		}
		found := identitiesIn(before + " '" + planted + "'")
		if len(found) == 0 || found[len(found)-1] != planted && !seen[planted] {
			t.Errorf("%q was not found", planted)
		}
	})
}
