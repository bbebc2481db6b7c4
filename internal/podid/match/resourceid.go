package match

import (
	"strings"

	"strongroom/internal/fault"
)

// idForm is how an identity's resource id is written, for those who did otherwise.
const idForm = "/subscriptions/<id>/resourceGroups/<name>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>"

// ParseResourceID reads the resource id of a user-assigned identity, and gives it in lower case: the same for every
// spelling of one identity, since case does not matter there. Blanks around it and a trailing slash are overlooked. Invalid
// says which part is wrong.
func ParseResourceID(text string) (string, error) {
	id := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "/"))
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "resourceID", format, args...).
			Mend("spec.resourceID: %s, as given by az identity show --query id", idForm)
	}
	if id == "" {
		return "", wrong("it is empty, or spelled in a way this cluster drops")
	}
	s := strings.Split(id, "/")
	switch {
	case s[0] != "":
		return "", wrong("%q does not begin with /subscriptions/", fault.Shorten(text))
	case len(s) != 9:
		return "", wrong("%q has %d parts where a user-assigned identity has 8", fault.Shorten(text), len(s)-1)
	}
	for i, word := range []string{1: "subscriptions", 3: "resourcegroups", 5: "providers", 6: "microsoft.managedidentity", 7: "userassignedidentities"} {
		if word != "" && s[i] != word {
			return "", wrong("%q has %q where %s is expected", fault.Shorten(text), fault.Shorten(s[i]), word)
		}
	}
	for i, what := range []string{2: "subscription", 4: "resource group", 8: "name"} {
		if what != "" && !segment(s[i]) {
			return "", wrong("%q has no proper %s", fault.Shorten(text), what)
		}
	}
	return id, nil
}

// segment reports whether a name can be one part of an address: none of the signs that would end it or begin another.
func segment(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, " ?#%&\\'\",\t\r\n<>")
}
