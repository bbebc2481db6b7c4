package keyvault

import (
	"strings"

	"strongroom/internal/form"
)

// segments cuts a path at slashes; repeated and trailing ones do not count, for SDKs write both.
func segments(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// match compares a path with a pattern such as "secrets/{name}/versions" and gives the variables. Fixed words match in
// any case.
func match(pattern, path []string) (map[string]string, bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	vars := map[string]string{}
	for i, want := range pattern {
		if name, variable := strings.CutPrefix(want, "{"); variable {
			vars[strings.TrimSuffix(name, "}")] = path[i]
		} else if !strings.EqualFold(want, path[i]) {
			return nil, false
		}
	}
	return vars, true
}

var (
	nameForm    = form.UpTo(127, `^[0-9a-zA-Z-]+$`)
	versionForm = form.New(`^[0-9a-fA-F]{32}$`)
)

// checkVars refuses names and versions that no object can have.
func checkVars(vars map[string]string) *failure {
	for _, kind := range []string{"name", "issuer"} {
		if name, there := vars[kind]; there && !nameForm.MatchString(name) {
			return badParameter("The request URI contains an invalid name: %s", name)
		}
	}
	if version, there := vars["version"]; there && !versionForm.MatchString(version) {
		return badParameter("The request URI contains an invalid version: %s", version)
	}
	return nil
}
