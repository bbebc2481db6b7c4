package rights

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/roles"
)

// Directory is who exists.
type Directory interface {
	Find(ref string) (entra.Principal, bool)
}

// Config shapes Rights. Directory is required.
type Config struct {
	Directory Directory
	Clock     clock.Clock // dates assignments; nil is the machine's
	// Propagation is how long an assignment made by a client has no effect yet; 0 is at once. In Azure it is minutes.
	Propagation time.Duration
}

// Rights holds the assignments. Its methods may be called at any time, by many goroutines.
type Rights struct {
	config Config

	mu   sync.RWMutex
	list []assignment
}

// Assignment gives a principal a role at a scope and everything beneath it: a subscription, a group, or any resource, by
// its id.
type Assignment struct {
	ObjectID string
	Role     roles.Role
	Scope    string
}

// assignment is one with what clients read of it.
type assignment struct {
	Assignment
	name          string // a GUID, the last part of its id
	principalType string
	description   string
	createdBy     string
	created       time.Time
	counts        time.Time // from when on
}

// New makes Rights by which nobody may do anything.
func New(c Config) *Rights {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Rights{config: c}
}

// FindRole finds a built-in role by name or id; Invalid when there is none.
func FindRole(ref string) (roles.Role, error) {
	return roles.Find(roles.BuiltIn(), ref, "is not a built-in role that is known here")
}

// Grant gives a principal a role, in addition to what it has and from now on. Granting the same again changes nothing.
func (r *Rights) Grant(a Assignment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sameLocked(a) < 0 {
		now := r.config.Clock.Now()
		r.list = append(r.list, assignment{Assignment: a, name: wire.NewID(), principalType: servicePrincipal, created: now, counts: time.Time{}})
	}
}

// May reports whether a principal may do something at the resource manager.
func (r *Rights) May(objectID, action, resource string) bool {
	return r.any(objectID, resource, func(role roles.Role) bool { return role.Allows(action) })
}

// MayData reports whether it may do something with what a vault holds.
func (r *Rights) MayData(objectID, action, resource string) bool {
	return r.any(objectID, resource, func(role roles.Role) bool { return role.AllowsData(action) })
}

// Concerned reports whether a principal has any role at, above or beneath a scope: that is who sees a subscription.
func (r *Rights) Concerned(objectID, scope string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.ContainsFunc(r.list, func(a assignment) bool {
		return strings.EqualFold(a.ObjectID, objectID) && (wire.Covers(a.Scope, scope) || wire.Covers(scope, a.Scope))
	})
}

func (r *Rights) any(objectID, resource string, allows func(roles.Role) bool) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.config.Clock.Now()
	return slices.ContainsFunc(r.list, func(a assignment) bool {
		return strings.EqualFold(a.ObjectID, objectID) && wire.Covers(a.Scope, resource) && !now.Before(a.counts) && allows(a.Role)
	})
}

// Authorize refuses a caller without the right to do what it asks; nil lets it.
func (r *Rights) Authorize(c wire.Caller, action, resource string) *wire.Answer {
	if r.May(c.ObjectID, action, resource) {
		return nil
	}
	return wire.Refuse(http.StatusForbidden, "AuthorizationFailed",
		"The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. "+
			"If access was recently granted, please refresh your credentials.", c.AppID, c.ObjectID, action, resource)
}

// sameLocked finds the assignment of the same role to the same principal at the same scope; -1 when there is none.
func (r *Rights) sameLocked(a Assignment) int {
	return slices.IndexFunc(r.list, func(b assignment) bool {
		return strings.EqualFold(a.ObjectID, b.ObjectID) && a.Role.ID == b.Role.ID && sameScope(a.Scope, b.Scope)
	})
}

func sameScope(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}
