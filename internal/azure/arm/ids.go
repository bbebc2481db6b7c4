package arm

import (
	"strings"
	"unicode"

	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// identityForm finds resource ids of user-assigned identities in free text: Azure quotes them singly, doubly, several in
// one pair of quotes, or not at all.
var identityForm = form.New(`(?i)/subscriptions/[a-z0-9-]+/resourcegroups/[^/'"\\,;<>?#%&\s]+/providers/microsoft\.managedidentity/userassignedidentities/[a-z0-9_-]+`)

// identitiesIn lists the identities a text names, in lower case, each once, in the text's order.
func identitiesIn(text string) []string {
	var ids []string
	seen := map[string]bool{}
	for _, id := range identityForm.FindAllString(text, -1) {
		id = strings.ToLower(id)
		if isIdentity(id) && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// isIdentity reports whether an id in lower case is that of a user-assigned identity.
func isIdentity(id string) bool {
	s := strings.Split(id, "/")
	return len(s) == 9 && s[0] == "" && s[1] == "subscriptions" && isName(s[2]) && s[3] == "resourcegroups" && isName(s[4]) &&
		s[5] == "providers" && s[6] == "microsoft.managedidentity" && s[7] == "userassignedidentities" && isName(s[8])
}

// isName says whether a part of an id can be one: letters, digits and -_.() as Azure allows in a group's name, the most
// liberal of all.
func isName(s string) bool {
	return s != "" && len(s) <= 256 && strings.Trim(s, ".") != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c == unicode.ReplacementChar || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.()", c)
	})
}

// quoteSome names some of many ids in a message.
func quoteSome(ids []string) string {
	const most = 5
	var b strings.Builder
	for i, id := range ids[:min(len(ids), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(fault.Shorten(id))
	}
	if len(ids) > most {
		b.WriteString(" and more")
	}
	return b.String()
}
