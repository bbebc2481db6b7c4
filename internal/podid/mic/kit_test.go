package mic_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	emulator "strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/hosts"
	"strongroom/internal/podid/mic"
	"strongroom/internal/secret"
)

const (
	subscription = "/subscriptions/" + emulator.DefaultSubscription
	manager      = "https://management.azure.localhost:8443"
	updateTime   = 10 * time.Second
)

// idOf is the resource id of a user-assigned identity that MIC may assign; one of a name with "forbidden" it may not.
func idOf(name string) string {
	group := "identities"
	if strings.Contains(name, "forbidden") {
		group = "others"
	}
	return subscription + "/resourceGroups/" + group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name
}

// directory knows two callers by what their tokens say: MIC, and the owner of everything.
type directory struct {
	*entra.Directory
}

func (d directory) Verify(token string) (entra.Claims, error) {
	p, _ := d.Find(token)
	return entra.Claims{ObjectID: p.ObjectID, AppID: p.ClientID, Audience: "https://management.core.windows.net/",
		NotBefore: time.Now().Add(-time.Hour), Expires: time.Now().Add(time.Hour)}, nil
}

// azure is the emulated resource manager as it is called, with a log, and faults that a test wishes for.
type azure struct {
	t         *testing.T
	server    *emulator.Server
	directory directory

	mu    sync.Mutex
	log   []string                                 // "GET pool", "PATCH pool +a -b", "POLL"
	fault func(method, path string) *http.Response // instead of the answer; nil asks the manager
	watch func(path, body string)                  // sees updates before they are made
	slow  func(method, path string) time.Duration  // before the manager hears of it
	lose  func(method, path string) bool           // the answer, of what the manager has done
	// unspeakable is an identity for which an update is refused without a name.
	unspeakable string
	// dead is an identity that machines show without its client id, as Azure does after it was deleted and made again.
	dead string
}

func newAzure(t *testing.T, propagation time.Duration) *azure {
	t.Helper()
	d := entra.NewDirectory(entra.DirectoryConfig{})
	if _, err := d.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		t.Fatal(err)
	}
	a := &azure{t: t, directory: directory{d}}
	a.server = emulator.New(emulator.Config{Directory: a.directory, Audiences: hosts.ManagerAudiences,
		Authority: func(string) string { return "https://login.azure.localhost" }, UpdateTime: updateTime, Propagation: propagation})
	a.principal("mic", "Virtual Machine Contributor", subscription, "Managed Identity Operator", subscription+"/resourceGroups/identities")
	a.principal("owner", "Owner", subscription)
	return a
}

// principal makes a caller with roles, given as pairs of role and scope.
func (a *azure) principal(name string, grants ...string) {
	a.t.Helper()
	app, err := a.directory.AddApplication(entra.Application{Name: name})
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(grants); i += 2 {
		role, err := emulator.FindRole(grants[i])
		if err != nil {
			a.t.Fatal(err)
		}
		a.server.Grant(emulator.Assignment{ObjectID: app.ObjectID, Role: role, Scope: grants[i+1]})
	}
}

// identity makes a user-assigned identity in the directory.
func (a *azure) identity(name string) entra.Principal {
	a.t.Helper()
	if _, err := a.directory.AddIdentity(entra.Identity{Name: name, ResourceID: idOf(name)}); err != nil {
		a.t.Fatal(err)
	}
	p, _ := a.directory.Find(idOf(name))
	return p
}

func (a *azure) add(r emulator.Resource) {
	a.t.Helper()
	if err := a.server.Add(r); err != nil {
		a.t.Fatal(err)
	}
}

// RoundTrip answers without a network, so that time stands still meanwhile.
func (a *azure) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	machine := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	line := r.Method + " " + machine
	if strings.Contains(r.URL.Path, "/operations/") {
		line = "POLL"
	}
	a.mu.Lock()
	a.log = append(a.log, line)
	fault, watch, slow, lose := a.fault, a.watch, a.slow, a.lose
	var answer *http.Response
	if fault != nil {
		answer = fault(r.Method, r.URL.Path)
	}
	if a.unspeakable != "" && r.Method == http.MethodPatch && bytes.Contains(body, []byte(a.unspeakable)) {
		answer = answers(400, "InvalidParameter", "something is wrong")
	}
	a.mu.Unlock()
	if slow != nil {
		if d := slow(r.Method, r.URL.Path); d > 0 {
			clock.Sleep(r.Context(), clock.Real{}, d)
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if answer != nil {
		answer.Request = r
		return answer, nil
	}
	if r.Method == http.MethodPatch && watch != nil {
		watch(r.URL.Path, string(body))
	}
	recorder := httptest.NewRecorder()
	r.Host = r.URL.Host
	a.server.ServeHTTP(recorder, r)
	a.mu.Lock()
	dead := a.dead
	a.mu.Unlock()
	if dead != "" && r.Method == http.MethodGet {
		p, _ := a.directory.Find(dead)
		shown := strings.NewReplacer(p.ClientID, "", p.ObjectID, "").Replace(recorder.Body.String())
		recorder.Body = bytes.NewBufferString(shown)
	}
	if lose != nil && lose(r.Method, r.URL.Path) {
		return nil, io.ErrUnexpectedEOF
	}
	answer = recorder.Result()
	answer.Request = r
	return answer, nil
}

// calls counts requests that begin like this.
func (a *azure) calls(prefix string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.countLocked(prefix)
}

func (a *azure) countLocked(prefix string) (n int) {
	for _, line := range a.log {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

func (a *azure) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = nil
}

func (a *azure) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// answers makes a fault of a status and a body.
func answers(status int, code, message string, headers ...string) *http.Response {
	r := httptest.NewRecorder()
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header().Set(headers[i], headers[i+1])
	}
	r.Header().Set("Content-Type", "application/json")
	r.WriteHeader(status)
	fmt.Fprintf(r, `{"error":{"code":%q,"message":%q}}`, code, message)
	return r.Result()
}

// patch changes a machine as somebody else would.
func (a *azure) patch(machine, body string) int {
	a.t.Helper()
	r := httptest.NewRequest(http.MethodPatch, manager+machine+"?api-version=2024-07-01", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer owner")
	recorder := httptest.NewRecorder()
	a.server.ServeHTTP(recorder, r)
	return recorder.Code
}

// holds names what a node's metadata endpoint has, sorted: the system-assigned identity is "system".
func (a *azure) holds(node string) string {
	var names []string
	held := a.server.Holding(node)
	if held.System != nil {
		names = append(names, "system")
	}
	for _, p := range held.User {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// world is a cluster, its machines and who leads.
type world struct {
	t     *testing.T
	azure *azure
	*cluster
	log       *syncBuffer
	configure func(*mic.Config)
	leader    *mic.MIC
	stop      func()
	ended     func() error // stops it, and gives what Run came to
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// bubble runs a test in time of its own, with a scale set of three nodes, another of one in another group that has the
// same name, and a virtual machine.
func bubble(t *testing.T, test func(w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, azure: newAzure(t, 0), cluster: newCluster(), log: &syncBuffer{}, configure: func(*mic.Config) {}}
		w.scaleSet("", "pool", 3)
		w.scaleSet("elsewhere", "pool", 1)
		w.machine("vm")
		test(w)
		w.halt()
	})
}

func (w *world) scaleSet(group, name string, nodes int) {
	prefix := name
	if group != "" {
		prefix = group + "-" + name
	}
	r := emulator.Resource{Kind: emulator.ScaleSet, Group: group, Name: name}
	for i := range nodes {
		r.Nodes = append(r.Nodes, fmt.Sprintf("%s-%d", prefix, i))
	}
	w.azure.add(r)
	if group == "" {
		group = emulator.DefaultGroup
	}
	for i, node := range r.Nodes {
		w.node(node, fmt.Sprintf("azure://%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s/virtualMachines/%d", subscription, group, name, i))
	}
}

func (w *world) machine(name string) {
	w.azure.add(emulator.Resource{Kind: emulator.VirtualMachine, Name: name, Nodes: []string{name}})
	w.node(name, machineID(name, "virtualMachines"))
}

func machineID(name, kind string) string {
	return "azure://" + subscription + "/resourceGroups/" + emulator.DefaultGroup + "/providers/Microsoft.Compute/" + kind + "/" + name
}

var pool = strings.TrimPrefix(machineID("pool", "virtualMachineScaleSets"), "azure://")

// lead starts a leader, over what the last one left.
func (w *world) lead() {
	w.t.Helper()
	c := mic.Config{
		Pods: pods{w.cluster}, Identities: identities{w.cluster}, Machines: machines{w.cluster}, Assigned: assigned{w.cluster},
		Writer: w.cluster, Store: w.cluster.opened(), Statuses: w.cluster, Events: w.cluster, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Azure: arm.New(arm.Config{HTTP: &http.Client{Transport: w.azure}, Endpoint: manager, Clock: clock.Real{},
			Token: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte("mic")), nil }}),
	}
	w.configure(&c)
	w.leader = mic.New(c)
	w.watch(w.leader.Changed)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.leader.Run(ctx) }()
	w.ended = func() error {
		cancel()
		w.stop = nil
		return <-ended
	}
	w.stop = func() {
		if err := w.ended(); err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// wait lets time pass.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// use makes an identity, and a binding of it for pods with the label of its name.
func (w *world) use(names ...string) {
	for _, name := range names {
		p := w.azure.identity(name)
		w.putIdentity(aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: "team", Name: name}, ResourceID: idOf(name), ClientID: p.ClientID})
		w.putBinding("team", name, name, name)
	}
}

// start makes a pod of the namespace team.
func (w *world) start(name, label, node string) { w.putPod("team", name, label, node) }

// says spells all objects, sorted: "pod identity node state".
func (w *world) says() string {
	var lines []string
	for _, a := range w.objects() {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", a.Pod, a.Identity.Name, a.Node, a.State)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func (w *world) expect(want string) {
	w.t.Helper()
	if got := w.says(); got != want {
		w.t.Errorf("objects say %q\nwant %q\n%s", got, want, w.log.String())
	}
}

func (w *world) expectHeld(node, want string) {
	w.t.Helper()
	if got := w.azure.holds(node); got != want {
		w.t.Errorf("%s holds %q, want %q\n%s", node, got, want, w.log.String())
	}
}

// setRefuse makes writes fail.
func (w *world) setRefuse(refuse func(verb, name string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = refuse
}
