package state

import (
	"fmt"

	"strongroom/internal/emulator/graph"
	"strongroom/internal/fault"
)

// DirectoryRole gives a principal (as for a Policy) one of the roles in its directory that concern applications.
type DirectoryRole struct {
	Principal string `yaml:"principal"`
	Role      string `yaml:"role"`
}

func (c *checker) directoryRoles() {
	for i, r := range c.document.DirectoryRoles {
		path := fmt.Sprintf("directoryRoles[%d]", i)
		c.refers(path+".principal", r.Principal, true)
		if _, err := graph.FindRole(r.Role); err != nil {
			c.problems = append(c.problems, fault.Wrap(err, fault.Invalid, path+".role", "is unknown"))
		}
	}
}
