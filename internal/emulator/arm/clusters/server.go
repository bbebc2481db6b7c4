package clusters

import (
	"net/http"
	"strings"
	"sync"

	"strongroom/internal/emulator/arm/groups"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

// Namespace is what the requests answered here are about.
const Namespace = "Microsoft.ContainerService"

const clusterType = Namespace + "/managedClusters"

// Directory is who exists.
type Directory interface {
	Find(ref string) (entra.Principal, bool)
}

// Rights is who may do what.
type Rights interface {
	May(objectID, action, resource string) bool
	Authorize(c wire.Caller, action, resource string) *wire.Answer
}

// Groups is where clusters are.
type Groups interface {
	Learn(id string)
	Find(subscription, group string) *wire.Answer // nil: there is such a group
}

// Config shapes a Server. Directory, Rights and Groups are required.
type Config struct {
	Directory Directory
	Rights    Rights
	Groups    Groups
	Issuer    string // of service account tokens, where a cluster names none
}

// Cluster is one of them. Principals are given by name or any id, and are looked up when somebody reads; what is empty or
// unknown is left out.
type Cluster struct {
	Subscription     string // empty: the default one
	Group            string // empty: the default one
	Name             string
	NodeGroup        string // of its machines; empty: MC_{group}_{name}_{region}
	Version          string // empty: 1.36.3
	Identity         string // of the control plane
	KubeletIdentity  string
	AddonIdentity    string // of the add-on that mounts secrets; empty: the add-on is off
	ServicePrincipal string // an application; empty: the cluster goes by its identity
	Issuer           string // empty: the Config's
	WorkloadIdentity bool
	PodIdentity      bool
}

// Server holds the clusters. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config

	mu   sync.Mutex
	list []Cluster
}

// New makes a Server without clusters.
func New(c Config) *Server { return &Server{config: c} }

// ID is the cluster's resource id.
func (c Cluster) ID() string { return wire.ID(c.Subscription, c.Group, clusterType, c.Name) }

// Add registers a cluster. Invalid when there is one of that id.
func (s *Server) Add(c Cluster) error {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&c.Subscription, groups.DefaultSubscription)
	fill(&c.Group, groups.DefaultGroup)
	fill(&c.NodeGroup, "MC_"+c.Group+"_"+c.Name+"_"+wire.Region)
	fill(&c.Version, "1.36.3")
	fill(&c.Issuer, s.config.Issuer)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.list {
		if strings.EqualFold(have.ID(), c.ID()) {
			return fault.New(fault.Invalid, c.ID(), "is there already")
		}
	}
	s.list = append(s.list, c)
	s.config.Groups.Learn(c.ID())
	s.config.Groups.Learn(wire.ID(c.Subscription, c.NodeGroup, clusterType, c.Name))
	return nil
}

// Resources lists the clusters as lists across kinds show them.
func (s *Server) Resources() []wire.Resource {
	var list []wire.Resource
	for _, c := range s.all() {
		list = append(list, c.resource())
	}
	return list
}

func (c Cluster) resource() wire.Resource {
	return wire.Resource{ID: c.ID(), Name: c.Name, Type: clusterType, Location: wire.Region}
}

func (s *Server) all() []Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Cluster(nil), s.list...)
}

// Serve answers a request about clusters.
func (s *Server) Serve(q wire.Request) *wire.Answer {
	p := q.Path
	if !p.Is(0, "managedClusters") || len(p.Rest) > 2 || len(p.Rest) == 2 && p.Group == "" {
		return wire.NoSuchType(strings.Join(p.Rest, "/"), Namespace)
	}
	if q.Method != http.MethodGet {
		return wire.NoMethod(q.Method)
	}
	scope := p.Scope
	if len(p.Rest) == 2 {
		scope = p.InGroup(clusterType, p.At(1))
	}
	refusal := s.config.Rights.Authorize(q.Caller, clusterType+"/read", scope)
	if refusal != nil && len(p.Rest) == 2 {
		return refusal
	}
	if no := s.config.Groups.Find(p.Subscription, p.Group); no != nil {
		return no
	}
	list := []body{}
	for _, c := range s.all() {
		if wire.Covers(scope, c.ID()) {
			list = append(list, s.document(c))
		}
	}
	switch {
	case len(p.Rest) == 1:
		return wire.Visible(list, refusal, func(one body) bool { return s.config.Rights.May(q.ObjectID, clusterType+"/read", one.ID) })
	case len(list) == 0:
		return wire.NoSuchResource(clusterType, p.At(1), p.Group)
	}
	return wire.OK(list[0])
}
