package emulator

import (
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/graph"
	"strongroom/internal/emulator/hosts"
)

// newGraph makes the Graph of the directory, once everybody who may have a role is in it.
func (e *Emulator) newGraph() (*graph.Server, error) {
	p := &problems{}
	c := graph.Config{Directory: e.directory, Audiences: hosts.GraphAudiences, Clock: e.faults.Clock(faults.Graph)}
	for i, r := range e.config.Document.DirectoryRoles {
		role, err := graph.FindRole(r.Role)
		p.add(err, "directoryRoles[%d]", i)
		c.Rights = append(c.Rights, graph.Right{ObjectID: e.objectID(r.Principal), Role: role})
	}
	return graph.New(c), p.err()
}
