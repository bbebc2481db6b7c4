package groups

import (
	"slices"
	"strings"
	"sync"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// Where a resource is when nobody said.
const (
	DefaultSubscription = "00000000-0000-0000-0000-000000000000"
	DefaultGroup        = "emulator"
)

// Directory is who exists: every user-assigned identity stands in a group, be there anything else in it or not.
type Directory interface {
	Identities() []entra.Identity
	Tenants() []entra.Tenant
}

// Rights is who may do what, and sees what.
type Rights interface {
	Authorize(c wire.Caller, action, resource string) *wire.Answer
	Concerned(objectID, scope string) bool
}

// Config shapes Groups. Every field is required.
type Config struct {
	Directory Directory
	Rights    Rights
	// Resources lists everything there is, for lists across kinds. It may not ask Groups.
	Resources func() []wire.Resource
	// Types are those there are, by namespace, as in "Microsoft.Compute" and "virtualMachines".
	Types map[string][]string
}

// Subscription is one of them. The zero values of Name and TenantID are a name made for it and the caller's tenant.
type Subscription struct {
	ID, Name, TenantID string
}

// Groups holds subscriptions and their groups. Its methods may be called at any time, by many goroutines.
type Groups struct {
	config Config

	mu            sync.Mutex
	subscriptions []*subscription
}

type subscription struct {
	Subscription
	groups []*group
}

type group struct {
	name     string
	location string
	tags     map[string]string
}

// New makes Groups with the default subscription and group.
func New(c Config) *Groups {
	g := &Groups{config: c}
	g.Add(Subscription{ID: DefaultSubscription}, DefaultGroup)
	return g
}

// Add registers a subscription with groups, or gives one that is there more of them, and a name.
func (g *Groups) Add(s Subscription, names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	have := g.subscriptionLocked(s.ID)
	if have == nil {
		have = &subscription{Subscription: s}
		g.subscriptions = append(g.subscriptions, have)
	}
	if s.Name != "" || s.TenantID != "" {
		have.Subscription = s
	}
	for _, name := range names {
		if have.find(name) == nil {
			have.groups = append(have.groups, &group{name: name, location: wire.Region})
		}
	}
}

// Learn makes sure that the subscription and group of a resource are there.
func (g *Groups) Learn(id string) {
	p := wire.ParsePath(id)
	switch {
	case p.Group != "":
		g.Add(Subscription{ID: p.Subscription}, p.Group)
	case p.Subscription != "":
		g.Add(Subscription{ID: p.Subscription})
	}
}

// Find refuses a subscription or group that is not there; an empty group asks for the subscription alone. nil is: it is.
func (g *Groups) Find(id, name string) *wire.Answer {
	if g.has(id, name) {
		return nil
	}
	g.look()
	switch {
	case g.has(id, name):
		return nil
	case g.has(id, ""):
		return wire.NotFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", name)
	}
	return wire.NotFound("SubscriptionNotFound", "The subscription '%s' could not be found.", id)
}

func (g *Groups) has(id, name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.subscriptionLocked(id)
	return s != nil && (name == "" || s.find(name) != nil)
}

// look learns where identities are: the directory may have been given one since.
func (g *Groups) look() {
	for _, i := range g.config.Directory.Identities() {
		if !i.SystemAssigned {
			g.Learn(i.ResourceID)
		}
	}
}

// subscription finds one.
func (g *Groups) subscription(id string) (*subscription, *wire.Answer) {
	if no := g.Find(id, ""); no != nil {
		return nil, no
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.subscriptionLocked(id), nil
}

func (g *Groups) subscriptionLocked(id string) *subscription {
	i := slices.IndexFunc(g.subscriptions, func(s *subscription) bool { return strings.EqualFold(s.ID, id) })
	if i < 0 {
		return nil
	}
	return g.subscriptions[i]
}

func (s *subscription) find(name string) *group {
	i := slices.IndexFunc(s.groups, func(g *group) bool { return strings.EqualFold(g.name, name) })
	if i < 0 {
		return nil
	}
	return s.groups[i]
}
