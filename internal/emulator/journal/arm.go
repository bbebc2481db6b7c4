package journal

import (
	"net/http"
	"slices"
	"strings"
)

// armWords are what resources of the resource manager are called here, by type without namespace, in lower case.
var armWords = map[string]string{
	"virtualmachines":                                     "vm",
	"virtualmachinescalesets":                             "vmss",
	"virtualmachinescalesets/virtualmachines":             "vmss-vm",
	"userassignedidentities":                              "identity",
	"userassignedidentities/federatedidentitycredentials": "federated",
	"roleassignments":                                     "role-assignment",
	"roledefinitions":                                     "role-definition",
	"vaults":                                              "vault",
	"deletedvaults":                                       "deleted-vault",
	"locations/deletedvaults":                             "deleted-vault",
	"managedclusters":                                     "cluster",
	"subscriptions":                                       "subscription",
	"resourcegroups":                                      "group",
	"resources":                                           "resource",
	"tenants":                                             "tenant",
	"locations":                                           "location",
}

// armKind reads a path of the resource manager, which goes by no case.
func armKind(method string, segments []string) string {
	rest, isProvider := armRest(segments)
	last := ""
	if len(rest) > 0 {
		last = rest[len(rest)-1]
	}
	switch {
	case isProvider && (len(rest) == 0 || last == "register"):
		return "provider-" + armVerb(method)
	case len(rest) == 4 && rest[0] == "locations" && rest[2] == "operations":
		return "arm-operation"
	case last == "manualupgrade":
		return "vmss-upgrade"
	case last == "purge" && method == http.MethodPost:
		return "deleted-vault-purge"
	case last == "checknameavailability":
		return "vault-name"
	case len(rest) == 4 && rest[2] == "accesspolicies":
		return "vault-policies"
	case last == "instanceview":
		return armNamed(rest[:len(rest)-1], "view")
	}
	return armNamed(rest, armVerb(method))
}

// armNamed is the kind of a path whose segments are types and names by turns, and what is done there. A path that ends
// with a type is a list.
func armNamed(rest []string, verb string) string {
	var types []string
	for i := 0; i < len(rest); i += 2 {
		types = append(types, rest[i])
	}
	word, known := armWords[strings.Join(types, "/")]
	switch {
	case !known || verb == "":
		return "other"
	case len(rest)%2 == 1 && verb == "get":
		return word + "-list"
	}
	return word + "-" + verb
}

// armVerb is empty for a method that nothing is done by.
func armVerb(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPut, http.MethodPost, http.MethodDelete:
		return strings.ToLower(method)
	}
	return ""
}

// armRest is what stands behind the last namespace, in lower case: of a path without one the part that begins with the last
// of subscription, group and what is listed there.
func armRest(segments []string) (rest []string, isProvider bool) {
	all := make([]string, len(segments))
	for i, s := range segments {
		all[i] = strings.ToLower(s)
	}
	for i := len(all) - 2; i >= 0; i-- {
		if all[i] == "providers" {
			return all[i+2:], true
		}
	}
	for _, begin := range []int{4, 2, 0} { // of /subscriptions/{s}/resourceGroups/{g}/{list}
		if begin < len(all) {
			return slices.Clone(all[begin:]), false
		}
	}
	return nil, false
}
