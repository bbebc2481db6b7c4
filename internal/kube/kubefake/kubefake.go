// Package kubefake is a Kubernetes API server in memory, for the tests of whoever speaks to one, and for
// demonstrations. It keeps the promises clients build on: resource versions, lists and watches that continue from them,
// optimistic updates, server-side apply with owners of fields, status subresources, finalizers, definitions that add
// kinds. It fails on demand in the ways servers fail, and counts what it is asked.
//
// It speaks JSON alone, which clients that prefer protobuf take too. It knows no admission, no defaults but a Secret's
// type, and of validation what its users trip over: names that exist, states that have passed, a Secret's type that
// cannot change, a custom object updated without its version. Everybody may do everything until Deny says otherwise.
package kubefake

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Object is a Kubernetes object as JSON has it. One that the server handed out is shared: it must not be changed.
type Object = map[string]any

// Server is the API server. Start makes one.
type Server struct {
	mu      sync.Mutex
	kinds   []*kind
	version int64         // the latest resource version
	expired int64         // resource versions before it are forgotten
	history []change      // what happened since
	news    chan struct{} // closed and replaced at every change and call
	cut     chan struct{} // closed and replaced to end all streams
	faults  []*Fault
	calls   []Call

	address string
	http    *http.Server
	serving sync.WaitGroup
}

// longestHistory is how many changes are kept; whoever continues from before them is told that they are too old.
const longestHistory = 4096

// kind is one kind of object, and all there are of it.
type kind struct {
	root, plural, name string // "api/v1", "pods", "Pod"
	hasStatus          bool   // with a status subresource
	custom             bool   // defined by a definition
	records            map[string]*record
}

// record is an object and what each manager last applied of it.
type record struct {
	object  Object
	applied map[string]flat
}

// change is one step of the server's history. before is nil for a new object, after for one that is gone.
type change struct {
	version       int64
	kind          *kind
	before, after Object
}

// Start serves on a port of the loopback address, with the kinds Strongroom uses, its own definitions among them, and no
// objects. It fails only where there is no port to be had.
func Start() (*Server, error) {
	s := &Server{news: make(chan struct{}), cut: make(chan struct{}), address: "127.0.0.1:0", version: 1}
	for _, k := range []kind{
		{root: "api/v1", plural: "configmaps", name: "ConfigMap"},
		{root: "api/v1", plural: "events", name: "Event"},
		{root: "api/v1", plural: "namespaces", name: "Namespace"},
		{root: "api/v1", plural: "nodes", name: "Node"},
		{root: "api/v1", plural: "pods", name: "Pod", hasStatus: true},
		{root: "api/v1", plural: "secrets", name: "Secret"},
		{root: "apis/apiextensions.k8s.io/v1", plural: "customresourcedefinitions", name: "CustomResourceDefinition"},
		{root: "apis/aadpodidentity.k8s.io/v1", plural: "azureassignedidentities", name: "AzureAssignedIdentity", custom: true},
		{root: "apis/aadpodidentity.k8s.io/v1", plural: "azureidentities", name: "AzureIdentity", custom: true},
		{root: "apis/aadpodidentity.k8s.io/v1", plural: "azureidentitybindings", name: "AzureIdentityBinding", custom: true},
		{root: "apis/aadpodidentity.k8s.io/v1", plural: "azurepodidentityexceptions", name: "AzurePodIdentityException", custom: true},
		{root: "apis/apps/v1", plural: "daemonsets", name: "DaemonSet"},
		{root: "apis/apps/v1", plural: "replicasets", name: "ReplicaSet"},
		{root: "apis/coordination.k8s.io/v1", plural: "leases", name: "Lease"},
		{root: "apis/storage.k8s.io/v1", plural: "csidrivers", name: "CSIDriver"},
		{root: "apis/storage.k8s.io/v1", plural: "csinodes", name: "CSINode"},
		{root: "apis/secrets-store.csi.x-k8s.io/v1", plural: "secretproviderclasses", name: "SecretProviderClass", hasStatus: true, custom: true},
		{root: "apis/secrets-store.csi.x-k8s.io/v1", plural: "secretproviderclasspodstatuses", name: "SecretProviderClassPodStatus", custom: true},
	} {
		s.serve(k)
	}
	return s, s.Resume()
}

// Resume serves again after Stop, at the same address, with everything as it was.
func (s *Server) Resume() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("kubefake: %w", err)
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.serving.Go(func() { _ = s.http.Serve(listener) })
	return nil
}

// Stop ends all connections and refuses new ones, as a server that crashed.
func (s *Server) Stop() {
	s.Disconnect()
	_ = s.http.Close()
	s.serving.Wait()
}

// URL is where it serves.
func (s *Server) URL() string { return "http://" + s.address }

// Kubeconfig is a kubeconfig that leads here.
func (s *Server) Kubeconfig() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: fake
contexts: [{name: fake, context: {cluster: fake, user: fake}}]
clusters: [{name: fake, cluster: {server: %q}}]
users: [{name: fake, user: {}}]
`, s.URL())
}

func (s *Server) serve(k kind) *kind {
	k.records = map[string]*record{}
	s.kinds = append(s.kinds, &k)
	return &k
}

// find gives the kind served under a path, nil when there is none.
func (s *Server) find(root, plural string) *kind {
	for _, k := range s.kinds {
		if k.root == root && k.plural == plural {
			return k
		}
	}
	return nil
}

// named gives the kind an object says it is of.
func (s *Server) named(o Object) *kind {
	version, _ := o["apiVersion"].(string)
	root := "apis/" + version
	if !strings.Contains(version, "/") {
		root = "api/" + version
	}
	for _, k := range s.kinds {
		if k.root == root && k.name == o["kind"] {
			return k
		}
	}
	return nil
}

// plural gives the kind of that plural name, which must be served.
func (s *Server) plural(name string) *kind {
	for _, k := range s.kinds {
		if k.plural == name {
			return k
		}
	}
	panic("kubefake: no kind is called " + name)
}

// sorted lists the objects of a kind by namespace and name.
func (k *kind) sorted() []Object {
	list := make([]Object, 0, len(k.records))
	for _, key := range slices.Sorted(maps.Keys(k.records)) {
		list = append(list, k.records[key].object)
	}
	return list
}

// commit makes a change everybody sees. The caller holds the lock and hands over after, with its version not yet set.
func (s *Server) commit(k *kind, key string, after Object, applied map[string]flat) Object {
	s.version++
	var before Object
	if r := k.records[key]; r != nil {
		before = r.object
	}
	if after == nil {
		delete(k.records, key)
		gone := deepCopy(before)
		meta(gone)["resourceVersion"] = fmt.Sprint(s.version)
		s.history = append(s.history, change{s.version, k, gone, nil})
	} else {
		meta(after)["resourceVersion"] = fmt.Sprint(s.version)
		k.records[key] = &record{after, applied}
		s.history = append(s.history, change{s.version, k, before, after})
	}
	if len(s.history) > longestHistory {
		s.expired = s.history[longestHistory/2].version
		s.history = slices.Clone(s.history[longestHistory/2+1:])
	}
	s.announce()
	s.define(k, before, after)
	return after
}

func newUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
