package graph_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/graph"
	"strongroom/internal/emulator/hosts"
)

const home = "https://graph.azure.localhost:8443"

// world is a Graph with an administrator, a reader and somebody without a role, one managed identity, and a second tenant
// with an application of its own.
type world struct {
	t                     testing.TB
	directory             *entra.Directory
	server                *graph.Server
	admin, reader, nobody string // bearer tokens
	fleet                 entra.Identity
	stranger              entra.Application
}

func newWorld(t testing.TB) *world {
	t.Helper()
	fake := clock.NewFake()
	w := &world{t: t, directory: entra.NewDirectory(entra.DirectoryConfig{Clock: fake})}
	for _, domain := range []string{"contoso.example", "fabrikam.example"} {
		if _, err := w.directory.AddTenant(entra.Tenant{Domain: domain}); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.fleet, err = w.directory.AddIdentity(entra.Identity{Name: "fleet", TenantID: w.tenant()}); err != nil {
		t.Fatal(err)
	}
	if w.stranger, err = w.directory.AddApplication(entra.Application{Name: "stranger", TenantID: w.directory.Tenants()[1].ID}); err != nil {
		t.Fatal(err)
	}
	var rights []graph.Right
	for _, one := range []struct {
		token      *string
		name, role string
	}{{&w.admin, "admin", "Cloud Application Administrator"}, {&w.reader, "reader", "Directory Readers"}, {&w.nobody, "nobody", ""}} {
		app, err := w.directory.AddApplication(entra.Application{Name: one.name, TenantID: w.tenant()})
		if err != nil {
			t.Fatal(err)
		}
		if role, err := graph.FindRole(one.role); err == nil {
			rights = append(rights, graph.Right{ObjectID: app.ObjectID, Role: role})
		}
		*one.token = w.token(app.ObjectID, "https://graph.microsoft.com/")
	}
	w.server = graph.New(graph.Config{Directory: w.directory, Audiences: hosts.GraphAudiences, Clock: fake, Rights: rights})
	return w
}

func (w *world) tenant() string { return w.directory.Tenants()[0].ID }

func (w *world) token(objectID, resource string) string {
	w.t.Helper()
	token, err := w.directory.Issue(objectID, resource, entra.Grant{})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(token.Value.Reveal())
}

// reply is an answer with its body decoded.
type reply struct {
	status int
	body   map[string]any
}

func (w *world) ask(bearer, request, body string) reply {
	w.t.Helper()
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, home+strings.ReplaceAll(target, " ", "%20"), strings.NewReader(body))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, r)
	got := reply{status: recorder.Code}
	if text := recorder.Body.Bytes(); len(text) > 0 {
		if err := json.Unmarshal(text, &got.body); err != nil {
			w.t.Fatalf("%s: %v in %s", request, err, text)
		}
	}
	return got
}

// must is ask as the administrator, who must get that status.
func (w *world) must(status int, request, body string) reply {
	w.t.Helper()
	got := w.ask(w.admin, request, body)
	if got.status != status {
		w.t.Fatalf("%s: %d %v", request, got.status, got.body)
	}
	return got
}

func (r reply) text(field string) string {
	text, _ := r.body[field].(string)
	return text
}

// code is that of an error body.
func (r reply) code() string {
	inner, _ := r.body["error"].(map[string]any)
	text, _ := inner["code"].(string)
	return text
}

// names are the display names, or names, of a list.
func (r reply) names() []string {
	list, _ := r.body["value"].([]any)
	names := []string{}
	for _, one := range list {
		object, _ := one.(map[string]any)
		for _, field := range []string{"displayName", "name"} {
			if name, ok := object[field].(string); ok {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
