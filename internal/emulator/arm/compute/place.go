package compute

import (
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

// place is what a path beneath Microsoft.Compute names.
type place struct {
	wire.Path
	kind      Kind
	name      string // empty: all of the kind
	operation string // an operation's id; then no kind is set
	instances bool   // .../virtualMachines of a scale set
	instance  string // one of those; empty: all
	upgrade   bool   // .../manualupgrade
	view      bool   // .../instanceView of any of them
}

func locate(path wire.Path) (place, *wire.Answer) {
	p := place{Path: path}
	if path.Is(0, "locations") && path.Is(2, "operations") && len(path.Rest) == 4 && path.Group == "" {
		p.operation = path.At(3)
		return p, nil
	}
	for _, kind := range []Kind{VirtualMachine, ScaleSet} {
		if path.Is(0, string(kind)) {
			p.kind, p.name = kind, path.At(1)
		}
	}
	if p.kind == "" || len(path.Rest) > 1 && path.Group == "" || !p.beneath() {
		return place{}, wire.NoSuchType(strings.Join(path.Rest, "/"), Namespace)
	}
	return p, nil
}

// beneath reads what follows the name.
func (p *place) beneath() bool {
	rest := p.Rest[min(2, len(p.Rest)):]
	if n := len(rest); n > 0 && strings.EqualFold(rest[n-1], "instanceView") {
		p.view, rest = true, rest[:n-1]
	}
	switch {
	case len(rest) == 0:
		return true
	case p.kind != ScaleSet:
		return false
	case len(rest) == 1 && strings.EqualFold(rest[0], "manualupgrade"):
		p.upgrade = true
		return !p.view
	case strings.EqualFold(rest[0], "virtualMachines") && len(rest) <= 2:
		p.instances, p.instance = true, strings.Join(rest[1:], "")
		return !p.view || p.instance != ""
	}
	return false
}

// resource is the id of what the path names, as the client spelled it; of a list, where it looks.
func (p place) resource() string {
	if p.name == "" {
		return p.Scope
	}
	return p.InGroup(Namespace+"/"+string(p.kind), p.name)
}

// action is what a method does to the place, in the words of role definitions; empty when it does nothing.
func (p place) action(method string) string {
	kind := Namespace + "/" + string(p.kind)
	read, write := method == http.MethodGet, method == http.MethodPatch || method == http.MethodPut
	switch {
	case p.upgrade && method == http.MethodPost:
		return kind + "/manualupgrade/action"
	case p.instances && read:
		return kind + "/virtualMachines/read"
	case p.upgrade || p.instances:
		return ""
	case read && p.view:
		return kind + "/instanceView/read"
	case read:
		return kind + "/read"
	case write && p.operation == "" && p.name != "" && !p.view:
		return kind + "/write"
	}
	return ""
}
