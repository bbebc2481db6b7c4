package mic

import (
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/arm"
	"strongroom/internal/podid/match"
)

// world is what a pass looks at.
type world struct {
	now      time.Time
	pods     []*match.Pod
	wanted   []match.Wanted
	existing []*aadpodidentity.AssignedIdentity
	nodes    map[string]location
	stands   func(machine, id string) standing
}

// location is where a node runs.
type location struct {
	provider string // as the node has it
	key      string // of the machine; empty when err is not nil
	at       arm.Resource
	err      error // why nobody can tell
}

// verb is what is written.
type verb int

const (
	assign  verb = iota // a state
	create              // an object
	replace             // what matters of one has changed
	remove              // an object
	refresh             // what does not matter has changed
	verbs
)

// op is a write. object is the whole of it to create or replace, and what stands for the others.
type op struct {
	verb   verb
	object aadpodidentity.AssignedIdentity
	before *aadpodidentity.AssignedIdentity // nil to create
	state  aadpodidentity.State
	uid    string // of the pod; empty when it is gone
}

// plan is what a pass comes to.
type plan struct {
	ops     [verbs][]op
	wishes  map[string]map[string]wish // by machine, by resource id
	holding map[string]map[string]bool
	uses    []placed // every identity once on every machine where pods are to have it
	pending []pending
	lost    []*match.Wanted // pods on nodes that the cluster does not have
}

// placed is an identity on a machine, with a pod that is to have it.
type placed struct {
	wanted  *match.Wanted
	machine string
}

// pending is an assignment that has not come about.
type pending struct {
	wanted  *match.Wanted
	object  objectKey
	machine location
}
