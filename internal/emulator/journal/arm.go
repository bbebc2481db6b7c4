package journal

import (
	"net/http"
	"strings"
)

// Where the parts of /subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Compute/{type}/{name}[/{what}[/{which}]]
// and of .../locations/{l}/operations/{id} stand.
const (
	armType      = 6
	armWhat      = 8
	armOperation = 6
)

// armKind reads a path of the resource manager, which goes by no case.
func armKind(method string, segments []string) string {
	at := func(i int) string {
		if i < len(segments) {
			return strings.ToLower(segments[i])
		}
		return ""
	}
	if at(2) == "providers" && at(armOperation) == "operations" {
		return "arm-operation"
	}
	verb := strings.ToLower(method)
	switch method {
	case http.MethodGet, http.MethodPatch, http.MethodPut, http.MethodPost:
	default:
		return "other"
	}
	switch {
	case at(armType) == "virtualmachines" && at(armWhat) == "":
		return "vm-" + verb
	case at(armType) != "virtualmachinescalesets":
		return "other"
	case at(armWhat) == "":
		return "vmss-" + verb
	case at(armWhat) == "manualupgrade":
		return "vmss-upgrade"
	case at(armWhat) == "virtualmachines":
		return "vmss-vm-" + verb
	}
	return "other"
}
