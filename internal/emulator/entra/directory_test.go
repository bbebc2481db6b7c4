package entra_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func newDirectory(t *testing.T) *entra.Directory {
	t.Helper()
	d := entra.NewDirectory(entra.DirectoryConfig{Clock: clock.NewFake()})
	if _, err := d.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFind: every id in any case, a name only exactly.
func TestFind(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	id, err := d.AddIdentity(entra.Identity{Name: "web-id"})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{id.ClientID, strings.ToUpper(id.ObjectID), strings.ToLower(id.ResourceID), "web-id"} {
		if p, ok := d.Find(ref); !ok || p.ObjectID != id.ObjectID || p.Kind != entra.KindUserAssigned {
			t.Errorf("%s: %+v, %t", ref, p, ok)
		}
	}
	for _, ref := range []string{"", "WEB-ID", "other"} {
		if _, ok := d.Find(ref); ok {
			t.Errorf("found %q", ref)
		}
	}
	if !d.Remove("web-id") || d.Remove("web-id") {
		t.Error("an identity can be removed exactly once")
	}
}

// TestDerivedIDs: the same names give the same ids in every run.
func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	one, err := newDirectory(t).AddIdentity(entra.Identity{Name: "web-id"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := newDirectory(t).AddIdentity(entra.Identity{Name: "web-id"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
	if !strings.HasSuffix(one.ResourceID, "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/web-id") {
		t.Errorf("resource id %s", one.ResourceID)
	}
}

// TestAddRefuses what a tenant would refuse.
func TestAddRefuses(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if _, err := d.AddApplication(entra.Application{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	web, _ := d.Find("web")
	if _, err := d.AddIdentity(entra.Identity{Name: "node", SystemAssigned: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddIdentity(entra.Identity{Name: "id"}); err != nil {
		t.Fatal(err)
	}
	good := entra.FederatedCredential{Name: "cluster", Issuer: "https://issuer.example", Subject: shopWeb, Audience: exchange}
	federate := func(ref string, change func(*entra.FederatedCredential)) func() error {
		f := good
		change(&f)
		return func() error { return d.AddFederated(ref, f) }
	}
	add := func(a entra.Application) func() error {
		return func() error { _, err := d.AddApplication(a); return err }
	}
	if err := d.AddFederated("web", good); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		try  func() error
		says string
	}{
		{"a second of the same name", add(entra.Application{Name: "web"}), "belongs to application web already"},
		{"a client id that is taken", add(entra.Application{Name: "other", ClientID: web.ClientID}), "belongs to"},
		{"an id that is no GUID", add(entra.Application{Name: "other", ClientID: "other"}), "not a GUID"},
		{"an unknown tenant", add(entra.Application{Name: "other", TenantID: "nowhere"}), "nowhere is not in the directory"},
		{"nobody", add(entra.Application{}), "needs a name"},
		{"an empty secret", add(entra.Application{Name: "other", Secrets: []entra.ClientSecret{{Name: "x"}}}), "no value"},
		{"an empty certificate", add(entra.Application{Name: "other", Certificates: []entra.ClientCertificate{{Name: "x"}}}), "empty"},
		{"an odd resource id", func() error { _, err := d.AddIdentity(entra.Identity{Name: "x", ResourceID: "x"}); return err }, "/subscriptions/"},
		{"a tenant twice", func() error { _, err := d.AddTenant(entra.Tenant{Domain: "CONTOSO.example"}); return err }, "exists already"},
		{"a tenant of no name", func() error { _, err := d.AddTenant(entra.Tenant{}); return err }, "needs an id"},
		{"a tenant id that is no GUID", func() error { _, err := d.AddTenant(entra.Tenant{ID: "x"}); return err }, "not a GUID"},
		{"a secret for an identity", func() error { return d.AddSecret("id", entra.ClientSecret{Value: secret.NewValue([]byte("x"))}) }, "managed identity"},
		{"a policy on an identity", func() error { return d.SetBlocked("id", true) }, "does not apply"},
		{"a credential for nobody", federate("nobody", func(*entra.FederatedCredential) {}), "not in the directory"},
		{"a credential for a system-assigned identity", federate("node", func(*entra.FederatedCredential) {}), "system-assigned"},
		{"a credential name too short", federate("web", func(f *entra.FederatedCredential) { f.Name = "ab" }), "3 to 120"},
		{"a credential name with a dot", federate("web", func(f *entra.FederatedCredential) { f.Name = "a.bc" }), "3 to 120"},
		{"the same credential name", federate("web", func(f *entra.FederatedCredential) { f.Subject = "x" }), "one of that name"},
		{"the same issuer and subject", federate("web", func(f *entra.FederatedCredential) { f.Name = "again" }), "already, as cluster"},
		{"an issuer without TLS", federate("web", func(f *entra.FederatedCredential) { f.Name = "new"; f.Issuer = "http://x" }), "https"},
		{"a subject too long", federate("web", func(f *entra.FederatedCredential) { f.Name = "new"; f.Subject = strings.Repeat("x", 601) }), "1 to 600"},
		{"no audience", federate("web", func(f *entra.FederatedCredential) { f.Name = "new"; f.Audience = "" }), "1 to 600"},
		{"taking back what is not there", func() error { return d.RemoveFederated("web", "none") }, "no such credential"},
		{"taking back a secret that is not there", func() error { return d.RemoveSecret("web", "none") }, "no such secret"},
	} {
		if err := tc.try(); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.says)
		}
	}
}

// TestFederatedLimit: the twentieth is the last.
func TestFederatedLimit(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if _, err := d.AddIdentity(entra.Identity{Name: "id"}); err != nil {
		t.Fatal(err)
	}
	var err error
	for n := range 21 {
		if err != nil {
			t.Fatalf("credential %d: %v", n, err)
		}
		err = d.AddFederated("id", entra.FederatedCredential{
			Name: fmt.Sprintf("c%02d", n), Issuer: "https://issuer.example", Subject: fmt.Sprint(n), Audience: exchange,
		})
	}
	if fault.KindOf(err) != fault.Invalid || err == nil {
		t.Errorf("the twenty-first: %v", err)
	}
}

// TestState: what is exported, written as YAML, read and imported is the same directory.
func TestPutFederatedReplacesByName(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if _, err := d.AddIdentity(entra.Identity{Name: "trusting"}); err != nil {
		t.Fatal(err)
	}
	put := func(name, subject string) (bool, error) {
		return d.PutFederated("trusting", entra.FederatedCredential{Name: name, Issuer: "https://issuer.example", Subject: subject, Audience: exchange})
	}
	for _, step := range []struct {
		name, subject   string
		isNew, accepted bool
	}{{"one", "a", true, true}, {"two", "b", true, true}, {"one", "c", false, true}, {"one", "b", false, false}, {"two", "b", false, true}} {
		if isNew, err := put(step.name, step.subject); (err == nil) != step.accepted || err == nil && isNew != step.isNew {
			t.Errorf("%+v: %v, %v", step, isNew, err)
		}
	}
	for _, i := range d.Identities() {
		if i.Name == "trusting" && (len(i.Federated) != 2 || i.Federated[0].Subject != "c" || i.Federated[1].Subject != "b" || i.Federated[1].Created.IsZero()) {
			t.Errorf("got %+v", i.Federated)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	if _, err := w.directory.AddIdentity(entra.Identity{Name: "node", SystemAssigned: true}); err != nil {
		t.Fatal(err)
	}
	before := w.directory.Export()
	text, err := yaml.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var read entra.State
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	after := entra.NewDirectory(entra.DirectoryConfig{})
	if err := after.Import(read); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b) })
	if diff := cmp.Diff(before, after.Export(), same); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(text), goodPassword) {
		t.Error("the state file lacks the secret it is to keep")
	}
}

// TestSecretsDoNotPrint: only the state file shows them.
func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	if text := fmt.Sprintf("%v %+v %#v", w.directory.Export(), w.web, w.web.Secrets); strings.Contains(text, goodPassword) {
		t.Error(text)
	}
}

// TestParseClientCertificate finds the certificate beside a key, and nothing in anything else.
func TestParseClientCertificate(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"": "no PEM block",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "no PEM block",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "cannot be read",
	} {
		if _, err := entra.ParseClientCertificate("x", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
