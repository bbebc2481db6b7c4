package arm_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/arm/vaults"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/hosts"
)

const (
	home           = "https://management.azure.localhost:8443"
	group          = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator"
	vm             = group + "/providers/Microsoft.Compute/virtualMachines/node-1"
	pool           = group + "/providers/Microsoft.Compute/virtualMachineScaleSets/pool"
	subscriptionID = "/subscriptions/00000000-0000-0000-0000-000000000000"
	identity       = group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
	version        = "?api-version=2024-07-01"
)

// world is a resource manager with one machine, one scale set of two, identities a, b and c, and one owner of it all.
type world struct {
	t         testing.TB
	clock     *clock.Fake
	directory *entra.Directory
	server    *arm.Server
	owner     string // a bearer token
	plane     plane
}

// plane remembers which vaults are open and how, and which names were forgotten.
type plane map[string]string

func (p plane) Put(v vaults.Vault) error {
	p[v.Name] = "open"
	for _, policy := range v.Policies {
		p[v.Name] += " " + policy.ObjectID + ":" + strings.Join(policy.Permissions.Secrets, ",")
	}
	if v.Firewall {
		p[v.Name] += " walled"
	}
	return nil
}

func (p plane) Hide(name string)   { p[name] = "hidden" }
func (p plane) Forget(name string) { delete(p, name) }
func (p plane) URI(host, name string) string {
	return "https://" + name + "." + hosts.VaultsOf(host) + "/"
}

func newWorld(t testing.TB, mutate ...func(*arm.Config)) *world {
	t.Helper()
	fake := clock.NewFake()
	w := &world{t: t, clock: fake, plane: plane{}, directory: entra.NewDirectory(entra.DirectoryConfig{Clock: fake, Lifetime: 24 * time.Hour})}
	if _, err := w.directory.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if _, err := w.directory.AddIdentity(entra.Identity{Name: name, ResourceID: identity + name}); err != nil {
			t.Fatal(err)
		}
	}
	config := arm.Config{Directory: w.directory, Audiences: hosts.ManagerAudiences, Clock: fake, Plane: w.plane, Issuer: "https://issuer.example",
		Authority: func(string) string { return "https://login.azure.localhost:8443" }}
	for _, change := range mutate {
		change(&config)
	}
	w.server = arm.New(config)
	w.add(arm.Resource{Kind: arm.VirtualMachine, Name: "node-1", Nodes: []string{"node-1"}})
	w.add(arm.Resource{Kind: arm.ScaleSet, Name: "pool", Nodes: []string{"pool-0", "pool-1"}, Upgrade: arm.Manual})
	w.owner = w.principal("owner", "Owner", group)
	return w
}

func slowly(update, propagation time.Duration) func(*arm.Config) {
	return func(c *arm.Config) { c.UpdateTime, c.Propagation = update, propagation }
}

func (w *world) add(r arm.Resource) {
	w.t.Helper()
	if err := w.server.Add(r); err != nil {
		w.t.Fatal(err)
	}
}

// principal makes an application with roles, given as pairs of role and scope, and a token for it.
func (w *world) principal(name string, grants ...string) string {
	w.t.Helper()
	app, err := w.directory.AddApplication(entra.Application{Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(grants); i += 2 {
		role, err := arm.FindRole(grants[i])
		if err != nil {
			w.t.Fatal(err)
		}
		w.server.Grant(arm.Assignment{ObjectID: app.ObjectID, Role: role, Scope: grants[i+1]})
	}
	return w.token(name, "https://management.core.windows.net/")
}

func (w *world) token(name, resource string) string {
	w.t.Helper()
	p, _ := w.directory.Find(name)
	token, err := w.directory.Issue(p.ObjectID, resource, entra.Grant{})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(token.Value.Reveal())
}

// reply is an answer with its body decoded.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// ask sends a request as the bearer; a target without a host is at home. Headers are pairs.
func (w *world) ask(bearer, method, target, body string, headers ...string) reply {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = home + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, r)
	got := reply{status: recorder.Code, header: recorder.Header(), text: recorder.Body.String()}
	if got.text != "" {
		if err := json.Unmarshal([]byte(got.text), &got.body); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, target, err, got.text)
		}
	}
	return got
}

// code and message are those of an error body.
func (r reply) code() string    { return r.failure("code") }
func (r reply) message() string { return r.failure("message") }

func (r reply) failure(field string) string {
	inner, _ := r.body["error"].(map[string]any)
	text, _ := inner[field].(string)
	return text
}

// patch changes a machine as its owner, and fails the test if that is refused.
func (w *world) patch(target, body string) reply {
	w.t.Helper()
	got := w.ask(w.owner, "PATCH", target+version, body)
	if got.status != 200 {
		w.t.Fatalf("PATCH: %d %s", got.status, got.text)
	}
	return got
}

// assigned spells an identity body: the type, then names of identities; "-x" removes x.
func assigned(kind string, names ...string) string {
	entries := map[string]any{}
	for _, name := range names {
		if gone, removed := strings.CutPrefix(name, "-"); removed {
			entries[identity+gone] = nil
		} else {
			entries[identity+name] = map[string]any{}
		}
	}
	body := map[string]any{"type": kind}
	if len(names) > 0 {
		body["userAssignedIdentities"] = entries
	}
	text, err := json.Marshal(map[string]any{"identity": body})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// holds spells what a node has, such as "system a b".
func (w *world) holds(node string) string {
	have := w.server.Holding(node)
	var words []string
	if have.System != nil {
		words = append(words, "system")
	}
	for _, p := range have.User {
		words = append(words, p.Name)
	}
	return strings.Join(words, " ")
}
