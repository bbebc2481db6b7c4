package nmi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

const (
	vault   = "https://vault.azure.net"
	storage = "https://storage.azure.com"
	tenant  = "3a6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	app     = "3b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	planted = "planted-9b1e"
)

const document = `
tenants: [{id: ` + tenant + `, domain: shop.example}]
applications:
- name: app
  clientId: ` + app + `
  secrets: [{name: one, value: "` + planted + `", expires: 2100-01-01T00:00:00Z}]
- {name: certified, clientId: 3b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c09}
identities: [{name: one}, {name: two}, {name: kubelet}, {name: elsewhere}]
nodes: [{name: node-1, systemAssigned: true, identities: [one, two, kubelet]}]
vaults: [{name: shop-kv, policies: [{principal: one, secrets: [get]}]}]
`

// cluster is what the daemon watches.
type cluster struct {
	mu         sync.Mutex
	unsynced   atomic.Bool
	pods       map[netip.Addr][]nmi.Pod
	assigned   []aadpodidentity.AssignedIdentity
	identities []aadpodidentity.Identity
	bindings   []aadpodidentity.Binding
	exceptions []aadpodidentity.Exception
	secrets    map[string]map[string]secret.Value
	unread     error
	starting   atomic.Bool
	gone       map[string]bool // "binding shop/one", "identity shop/one"

	podTold      func([]netip.Addr)
	assignedTold func(namespace, pod string)
	boundTold    func()
}

func (c *cluster) Synced() bool { return !c.unsynced.Load() }

type podsOf struct{ *cluster }

func (p podsOf) OnChange(tell func([]netip.Addr)) { p.podTold = tell }

func (p podsOf) At(ip netip.Addr) []nmi.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]nmi.Pod(nil), p.pods[ip]...)
}

func (p podsOf) Named(namespace, name string) (nmi.Pod, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.pods {
		for _, pod := range list {
			if pod.Namespace == namespace && pod.Name == name {
				return pod, true
			}
		}
	}
	return nmi.Pod{}, false
}

func (p podsOf) Starting() bool { return p.starting.Load() }

type assignedOf struct{ *cluster }

func (a assignedOf) OnChange(tell func(namespace, pod string)) { a.assignedTold = tell }

func (a assignedOf) Of(namespace, pod string) (list []aadpodidentity.AssignedIdentity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.assigned {
		if one.PodNamespace == namespace && one.Pod == pod {
			list = append(list, one)
		}
	}
	return list
}

type bindingsOf struct{ *cluster }

func (b bindingsOf) OnChange(tell func()) { b.boundTold = tell }

func (b bindingsOf) Identities() []aadpodidentity.Identity {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]aadpodidentity.Identity(nil), b.identities...)
}

func (b bindingsOf) Bindings() []aadpodidentity.Binding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]aadpodidentity.Binding(nil), b.bindings...)
}

func (b bindingsOf) BindingGone(namespace, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone["binding "+namespace+"/"+name]
}

func (b bindingsOf) IdentityGone(namespace, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone["identity "+namespace+"/"+name]
}

func (c *cluster) Exceptions() []aadpodidentity.Exception {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]aadpodidentity.Exception(nil), c.exceptions...)
}

func (c *cluster) Data(_ context.Context, namespace, name string) (map[string]secret.Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread != nil {
		return nil, c.unread
	}
	data, there := c.secrets[namespace+"/"+name]
	if !there {
		return nil, fault.New(fault.NotFound, "secrets/"+name, "not found")
	}
	return data, nil
}

// world is a node: the daemon behind real HTTP, the emulated IMDS and Entra behind it, and a cluster in memory.
type world struct {
	*cluster
	t      testing.TB
	azure  *emulator.Emulator
	clock  *clock.Fake
	server *nmi.Server
	base   string
	config nmi.Config

	clientsLock sync.Mutex
	clients     map[int]*http.Client
}

// client is that of the n-th pod.
func (w *world) client(n int) *http.Client {
	w.clientsLock.Lock()
	defer w.clientsLock.Unlock()
	if w.clients[n] == nil {
		w.clients[n] = from(w.t, n)
	}
	return w.clients[n]
}

func newWorld(t testing.TB, change ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, cluster: &cluster{pods: map[netip.Addr][]nmi.Pod{}, secrets: map[string]map[string]secret.Value{}}, clock: clock.NewFake(), clients: map[int]*http.Client{}}
	w.azure = emulated(t)
	clients, err := transport.New(transport.Config{CA: w.azure.CA(), CAOnly: true})
	must(t, err)
	t.Cleanup(clients.Close)
	ends := w.azure.Endpoints()
	w.config = nmi.Config{
		Node: "node-1", Listen: []string{"127.0.0.1:0"}, Pods: podsOf{w.cluster}, Assigned: assignedOf{w.cluster}, Exceptions: w.cluster, Secrets: w.cluster,
		Direct: clients.Direct, Metadata: ends.IMDS["node-1"], Authorities: []string{ends.Authority}, Clock: w.clock,
	}
	for _, c := range change {
		c(w)
	}
	if w.config.Pool == nil {
		w.config.Pool = share.New(share.Config{Clock: w.config.Clock, PerVault: map[string]int{nmi.IMDS: 5}})
	}
	w.config.Tokens = token.New(token.Config{HTTP: clients.Azure, Direct: clients.Direct, Clock: w.config.Clock, IMDS: w.config.Metadata})
	w.server, err = nmi.New(w.config)
	must(t, err)
	must(t, w.server.Listen())
	w.base = "http://" + w.server.Addresses()[0]
	running(t, w.server.Run)
	return w
}

func emulated(t testing.TB) *emulator.Emulator {
	t.Helper()
	parsed, err := state.Parse([]byte(document), os.DirFS(t.TempDir()))
	must(t, err)
	em, err := emulator.New(emulator.Config{Document: parsed})
	must(t, err)
	running(t, em.Run)
	return em
}

// running runs until the test ends.
func running(t testing.TB, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return run(ctx) })
	t.Cleanup(func() {
		stop()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func managed(w *world) { w.config.Assigned, w.config.Bindings = nil, bindingsOf{w.cluster} }

// at is the address of the n-th pod: every address of 127.0.0.0/8 is this machine's, so that real connections come from it.
func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, byte(n)}) }

// pod puts a running pod at an address, old enough for nothing about it to be still on its way.
func (w *world) pod(n int, namespace, name, label string, change ...func(*nmi.Pod)) nmi.Pod {
	p := nmi.Pod{Namespace: namespace, Name: name, UID: namespace + name, Created: w.clock.Now().Add(-time.Hour), Labels: map[string]string{}}
	if label != "" {
		p.Labels[aadpodidentity.LabelBinding] = label
	}
	for _, c := range change {
		c(&p)
	}
	w.mu.Lock()
	w.pods[at(n)] = append(w.pods[at(n)], p)
	w.mu.Unlock()
	w.podTold([]netip.Addr{at(n)})
	return p
}

func (w *world) principal(name string) entra.Principal {
	p, known := w.azure.Directory().Find(name)
	if !known {
		w.t.Fatalf("no principal %s", name)
	}
	return p
}

// identity is the AzureIdentity of an emulated identity, in a namespace.
func (w *world) identity(namespace, name string) aadpodidentity.Identity {
	p := w.principal(name)
	return aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: namespace, Name: name}, ClientID: p.ClientID, ResourceID: p.ResourceID}
}

// assign is what MIC does.
func (w *world) assign(p nmi.Pod, i aadpodidentity.Identity, state aadpodidentity.State) {
	one := aadpodidentity.AssignedIdentity{
		Meta:     aadpodidentity.Meta{Namespace: match.AssignedNamespace(&i, w.config.ForceNamespaced), Name: p.Name + "-" + p.Namespace + "-" + i.Name},
		Identity: i, Pod: p.Name, PodNamespace: p.Namespace, Node: "node-1", State: state,
		Binding: aadpodidentity.Binding{
			Meta:          aadpodidentity.Meta{Namespace: i.Namespace, Name: i.Name + "-binding"},
			AzureIdentity: i.Name, Selector: p.Labels[aadpodidentity.LabelBinding],
		},
	}
	w.mu.Lock()
	kept := w.assigned[:0:0]
	for _, a := range w.assigned {
		if a.Name != one.Name {
			kept = append(kept, a)
		}
	}
	w.assigned = append(kept, one)
	w.mu.Unlock()
	if w.assignedTold != nil {
		w.assignedTold(p.Namespace, p.Name)
	}
}

// bind puts an identity and a binding into the cluster.
func (w *world) bind(i aadpodidentity.Identity, selector string) {
	w.mu.Lock()
	w.identities = append(w.identities, i)
	w.bindings = append(w.bindings, aadpodidentity.Binding{
		Meta: aadpodidentity.Meta{Namespace: i.Namespace, Name: i.Name + "-binding"}, AzureIdentity: i.Name, Selector: selector,
	})
	w.mu.Unlock()
	if w.boundTold != nil {
		w.boundTold()
	}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// from is a client at the address of the n-th pod; 0 is the node itself.
func from(t testing.TB, n int) *http.Client {
	local := net.IPv4(127, 0, 0, 1)
	if n > 0 {
		local = net.IPv4(127, 0, 1, byte(n))
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: local}}
	way := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	t.Cleanup(way.CloseIdleConnections)
	return &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask sends a GET from the n-th pod with the Metadata header, and headers "Name: value".
func (w *world) ask(n int, target string, headers ...string) reply {
	w.t.Helper()
	return w.send(w.t.Context(), n, target, append([]string{"Metadata: true"}, headers...)...)
}

func (w *world) send(ctx context.Context, n int, target string, headers ...string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+target, nil)
	must(w.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	resp, err := w.client(n).Do(r)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return reply{resp.StatusCode, resp.Header, string(body)}
}

const tokenPath = "/metadata/identity/oauth2/token"

// token asks from the n-th pod for a token, with more of a query ("&client_id=...").
func (w *world) token(n int, more string) reply {
	w.t.Helper()
	return w.ask(n, tokenPath+"?api-version=2018-02-01&resource="+vault+more)
}

// host asks as a program of the node does.
func (w *world) host(namespace, name, more string) reply {
	w.t.Helper()
	return w.send(w.t.Context(), 0, "/host/token/?resource="+vault+more, "podns: "+namespace, "podname: "+name)
}

// later sends in the background; the returned function waits for the answer.
func (w *world) later(send func() reply) func() reply {
	done := make(chan reply, 1)
	go func() { done <- send() }()
	return func() reply { return <-done }
}

// holds fails unless the answer is a token of the named principal.
func (w *world) holds(r reply, principal string) map[string]string {
	w.t.Helper()
	fields := map[string]string{}
	if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &fields) != nil {
		w.t.Fatalf("no token but %d %s", r.status, r.body)
	}
	w.belongs(fields["access_token"], principal)
	return fields
}

func (w *world) belongs(accessToken, principal string) {
	w.t.Helper()
	holder, ok := token.HolderOf(secret.NewValue([]byte(accessToken)))
	if want := w.principal(principal); !ok || holder.ObjectID != want.ObjectID {
		w.t.Errorf("a token of %+v, want %s", holder, principal)
	}
}

// refuses fails unless the answer has the status and holds every word, and nothing like a token.
func (w *world) refuses(r reply, status int, words ...string) {
	w.t.Helper()
	if r.status != status {
		w.t.Errorf("status %d, want %d: %s", r.status, status, r.body)
	}
	for _, word := range words {
		if !strings.Contains(r.body, word) {
			w.t.Errorf("%q is not in: %s", word, r.body)
		}
	}
	if strings.Contains(r.body, "eyJ") || strings.Contains(r.body, planted) {
		w.t.Errorf("too much in: %s", r.body)
	}
}

// imdsCalls counts the requests that reached the metadata service.
func (w *world) imdsCalls() int { return w.azure.Counts()["imds-token"] }

func query(name, value string) string { return fmt.Sprintf("&%s=%s", name, value) }
