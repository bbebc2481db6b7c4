package arm

import (
	"strings"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm/clusters"
	"strongroom/internal/emulator/arm/compute"
	"strongroom/internal/emulator/arm/groups"
	"strongroom/internal/emulator/arm/identities"
	"strongroom/internal/emulator/arm/limits"
	"strongroom/internal/emulator/arm/rights"
	"strongroom/internal/emulator/arm/vaults"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/roles"
)

// What machines are, for those who come by this door alone.
type (
	Resource    = compute.Resource
	Holding     = compute.Holding
	Kind        = compute.Kind
	UpgradeMode = compute.UpgradeMode
	Assignment  = rights.Assignment
)

// The words of those, and where a resource is when nobody said.
const (
	VirtualMachine = compute.VirtualMachine
	ScaleSet       = compute.ScaleSet
	Automatic      = compute.Automatic
	Rolling        = compute.Rolling
	Manual         = compute.Manual

	DefaultSubscription = groups.DefaultSubscription
	DefaultGroup        = groups.DefaultGroup
)

// FindRole finds a built-in role by name or id; Invalid when there is none.
func FindRole(ref string) (roles.Role, error) { return rights.FindRole(ref) }

// room answers for the resources of one namespace.
type room interface {
	Serve(q wire.Request) *wire.Answer
	Resources() []wire.Resource
}

// Server is the resource manager. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config
	rights *rights.Rights
	groups *groups.Groups
	meter  *limits.Meter

	machines *compute.Server
	vaults   *vaults.Server
	clusters *clusters.Server
	rooms    map[string]room // by namespace, lower case
}

// New makes a Server without resources, where nobody may do anything.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	s := &Server{config: c, meter: limits.New(c.Limits)}
	s.rights = rights.New(rights.Config{Directory: c.Directory, Clock: c.Clock, Propagation: c.RolePropagation})
	s.groups = groups.New(groups.Config{Directory: c.Directory, Rights: s.rights, Resources: s.resources, Types: types()})
	s.machines = compute.New(compute.Config{Directory: c.Directory, Rights: s.rights, Groups: s.groups, Clock: c.Clock,
		UpdateTime: c.UpdateTime, Propagation: c.Propagation})
	s.vaults = vaults.New(vaults.Config{Directory: c.Directory, Rights: s.rights, Groups: s.groups, Plane: c.Plane, Clock: c.Clock})
	s.clusters = clusters.New(clusters.Config{Directory: c.Directory, Rights: s.rights, Groups: s.groups, Issuer: c.Issuer})
	people := identities.New(identities.Config{Directory: c.Directory, Rights: s.rights, Groups: s.groups, Busy: c.FederatedWrite})
	s.rooms = map[string]room{
		strings.ToLower(compute.Namespace): s.machines, strings.ToLower(identities.Namespace): people,
		strings.ToLower(vaults.Namespace): s.vaults, strings.ToLower(clusters.Namespace): s.clusters,
	}
	return s
}

// types is what there is in each namespace, for clients that look before they ask.
func types() map[string][]string {
	return map[string][]string{
		compute.Namespace:     {string(VirtualMachine), string(ScaleSet), string(ScaleSet) + "/virtualMachines", "locations/operations"},
		identities.Namespace:  {"userAssignedIdentities", "userAssignedIdentities/federatedIdentityCredentials"},
		vaults.Namespace:      {"vaults", "vaults/accessPolicies", "deletedVaults", "locations/deletedVaults", "checkNameAvailability"},
		clusters.Namespace:    {"managedClusters"},
		rights.Namespace:      {"roleAssignments", "roleDefinitions"},
		"Microsoft.Resources": {"subscriptions", "tenants", "resourceGroups", "resources"},
	}
}

// Machines is the virtual machines and scale sets.
func (s *Server) Machines() *compute.Server { return s.machines }

// Vaults is what the resource manager knows of vaults.
func (s *Server) Vaults() *vaults.Server { return s.vaults }

// Clusters is what it knows of managed clusters.
func (s *Server) Clusters() *clusters.Server { return s.clusters }

// Groups is subscriptions and resource groups.
func (s *Server) Groups() *groups.Groups { return s.groups }

// Add registers a machine or scale set; as compute.Server.
func (s *Server) Add(r Resource) error { return s.machines.Add(r) }

// Holding is what a node's metadata endpoint may hand out tokens for; as compute.Server.
func (s *Server) Holding(node string) Holding { return s.machines.Holding(node) }

// Grant gives a principal a role at a scope, in addition to what it has.
func (s *Server) Grant(a Assignment) { s.rights.Grant(a) }

// MayData reports whether a role lets a principal do something with what a vault holds.
func (s *Server) MayData(objectID, action, resource string) bool {
	return s.rights.MayData(objectID, action, resource)
}

// resources is everything there is but machines' instances, sorted by kind.
func (s *Server) resources() []wire.Resource {
	var list []wire.Resource
	for _, namespace := range []string{compute.Namespace, clusters.Namespace, vaults.Namespace, identities.Namespace} {
		list = append(list, s.rooms[strings.ToLower(namespace)].Resources()...)
	}
	return list
}
