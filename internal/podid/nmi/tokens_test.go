package nmi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"software.sslmate.com/src/go-pkcs12"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// A thousand requests of ten pods, fifty at a time, cost one request to the metadata service per identity (complaint 15).
func TestAThousandRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 {
		name := []string{"one", "two"}[n%2]
		p := w.pod(n+1, "shop", string(rune('a'+n)), name)
		w.assign(p, w.identity("shop", name), aadpodidentity.Assigned)
	}
	var group errgroup.Group
	group.SetLimit(50)
	for n := range 1000 {
		group.Go(func() error { w.holds(w.token(n%10+1, ""), []string{"one", "two"}[n%10%2]); return nil })
	}
	must(t, group.Wait())
	if got := w.imdsCalls(); got != 2 {
		t.Errorf("%d calls of the metadata service", got)
	}
}

// bypass_cache asks anew, but not every time.
func TestBypass(t *testing.T) {
	t.Parallel()
	w := one(t)
	w.holds(w.token(1, ""), "one")
	w.clock.Advance(11 * time.Second)
	for range 5 {
		w.holds(w.token(1, "&bypass_cache=true"), "one")
	}
	if got := w.imdsCalls(); got != 2 {
		t.Errorf("%d calls of the metadata service", got)
	}
}

// metadataService answers as told, and counts.
type metadataService struct {
	calls  atomic.Int64
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request)]
}

func (m *metadataService) says(status int, body string, headers ...string) {
	f := func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	m.answer.Store(&f)
}

func (m *metadataService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.calls.Add(1)
	(*m.answer.Load())(w, r)
}

// withMetadata is a world whose metadata service answers as told; pod 1 has the identity named one.
func withMetadata(t *testing.T) (*world, *metadataService) {
	m := &metadataService{}
	m.says(500, "")
	w := one(t, func(w *world) { w.config.Metadata = newLocal(t, m) })
	return w, m
}

const notFound = `{"error":"invalid_request","error_description":"Identity not found"}`

func (w *world) success() string {
	return `{"access_token":"the.access.token","client_id":"` + w.principal("one").ClientID + `","expires_in":"3600","expires_on":"","not_before":"","resource":"x","token_type":"Bearer"}`
}

// IMDS may not know an identity for a while after it was assigned. Its "not found" is not believed then, and forty that
// wait cost no more than one; afterwards it is believed (complaint 14).
func TestTheMetadataServiceIsBehind(t *testing.T) {
	t.Parallel()
	w, m := withMetadata(t)
	m.says(400, notFound)
	var answers []func() reply
	for range 40 {
		answers = append(answers, w.later(func() reply { return w.token(1, "") }))
	}
	w.clock.BlockUntil(40)
	if got := m.calls.Load(); got != 1 {
		t.Errorf("%d calls before the first pause was over", got)
	}
	w.clock.Advance(time.Second)
	w.clock.BlockUntil(40)
	if got := m.calls.Load(); got != 2 {
		t.Errorf("%d calls before the second pause was over", got)
	}
	m.says(200, w.success())
	w.clock.Advance(2 * time.Second)
	for _, answer := range answers {
		r := answer()
		var fields map[string]string
		if r.status != 200 || json.Unmarshal([]byte(r.body), &fields) != nil || fields["not_before"] == "" || fields["expires_on"] == "" {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if got := m.calls.Load(); got != 3 {
		t.Errorf("%d calls", got)
	}

	late, m := withMetadata(t)
	m.says(400, notFound)
	late.clock.Advance(91 * time.Second)
	for range 5 {
		late.refuses(late.token(1, ""), 403, "Identity not found", "az vmss identity assign", "--identities")
	}
	if got := m.calls.Load(); got != 1 {
		t.Errorf("%d calls for a pod that asks in a loop", got)
	}
	late.clock.Advance(3 * time.Second)
	m.says(200, late.success())
	if r := late.token(1, ""); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// What IMDS answers decides between 403, which only an edit mends, and 503, which passes (acceptance list 59; A3.3).
func TestFailuresOfTheMetadataService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		header string
		want   int
		again  string
	}{
		"a resource that does not exist": {400, `{"error":"invalid_resource","error_description":"AADSTS500011: The resource principal named x"}`, "A: b", 403, ""},
		"unauthorized":                   {401, `{"error":"unauthorized_client"}`, "A: b", 403, ""},
		"too many":                       {429, `{"error":"invalid_request","error_description":"Too many requests"}`, "Retry-After: 7", 503, "7"},
		"failing":                        {500, `{"error":"unknown"}`, "A: b", 503, "1"},
		"being updated":                  {410, ``, "A: b", 503, "1"},
		"no JSON":                        {200, `eyJhbGciOi`, "A: b", 503, "1"},
		"no token":                       {200, `{}`, "A: b", 503, "1"},
		"of another client":              {200, `{"access_token":"a.b.c","client_id":"another","expires_in":"3600"}`, "A: b", 403, ""},
		"of nobody knows whom":           {200, `{"access_token":"a.b.c","expires_in":"3600"}`, "A: b", 403, ""},
		"a redirect":                     {302, ``, "Location: http://127.0.0.1:1/", 503, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, m := withMetadata(t)
			m.says(c.status, c.body, c.header)
			r := w.token(1, "")
			if w.refuses(r, c.want); r.header.Get("Retry-After") != c.again || r.header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("headers %v: %s", r.header, r.body)
			}
			if got := m.calls.Load(); got != 1 {
				t.Errorf("%d calls", got)
			}
		})
	}
}

// A pod that asks for a resource that does not exist does not cost others their tokens.
func TestOneResourcesRefusalIsItsOwn(t *testing.T) {
	t.Parallel()
	w := one(t)
	w.holds(w.token(1, ""), "one")
	w.refuses(w.ask(1, tokenPath+"?resource=https://nowhere.example"), 403)
	w.holds(w.token(1, ""), "one")
	if got := w.imdsCalls(); got != 2 {
		t.Errorf("%d calls of the metadata service", got)
	}
}

// serve gives pod n a service principal with the given Secret.
func (w *world) serve(n int, i aadpodidentity.Identity, data map[string]string) {
	values := map[string]secret.Value{}
	for k, v := range data {
		values[k] = secret.NewValue([]byte(v))
	}
	w.mu.Lock()
	w.secrets[i.ClientPassword.Namespace+"/"+i.ClientPassword.Name] = values
	w.mu.Unlock()
	name := "pod-" + string(rune('a'+n))
	w.assign(w.pod(n, "shop", name, name), i, aadpodidentity.Assigned)
}

// A service principal's secret is under the samples' key, or the only one (acceptance list 11, 59, 60; defect 14).
func TestServicePrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	authority := w.azure.Endpoints().Authority
	for n, c := range []struct {
		data   map[string]string
		status int
		words  []string
	}{
		{map[string]string{"clientSecret": planted}, 200, nil},
		{map[string]string{"ClientSecret": planted}, 200, nil},
		{map[string]string{"whatever": planted}, 200, nil},
		{map[string]string{"clientSecret": planted, "other": "x"}, 200, nil},
		{map[string]string{"a": planted, "b": planted}, 403, []string{"Secret shop/creds-4", "none of them is clientSecret", "put the client secret under the key clientSecret"}},
		{map[string]string{}, 403, []string{"has 0 keys"}},
		{map[string]string{"clientSecret": ""}, 403, []string{"none of them is clientSecret with a value"}},
		{map[string]string{"clientSecret": "wrong"}, 403, []string{"AADSTS7000215", "Secret shop/creds-7", "az ad app credential reset"}},
	} {
		i := principalIdentity(authority + "/")
		i.ClientPassword.Name += "-" + string(rune('0'+n))
		w.serve(n+1, i, c.data)
		r := w.token(n+1, "")
		if c.status == 200 {
			fields := w.holds(r, "app")
			if fields["resource"] != vault || fields["not_before"] == "" {
				t.Errorf("fields %v", fields)
			}
			continue
		}
		w.refuses(r, c.status, c.words...)
	}
	// The Secret was read for a token, and not for each request; the token is kept.
	before := w.azure.Counts()
	w.holds(w.token(1, ""), "app")
	if after := w.azure.Counts(); len(after) != len(before) || sum(after) != sum(before) {
		t.Errorf("%v became %v", before, after)
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// A Secret that cannot be read is 403 with the reason when somebody must act, and 503 when it passes (defect 14).
func TestSecretsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		change func(*aadpodidentity.Identity)
		status int
		word   string
	}{
		"it does not exist": {nil, nil, 403, "kubectl create secret generic creds --namespace shop"},
		"may not be read":   {fault.New(fault.Denied, "secrets/creds", "forbidden"), nil, 403, "its Secret shop/creds cannot be read: secrets/creds: forbidden"},
		"API server silent": {fault.New(fault.Unavailable, "kube", "no answer"), nil, 503, "cannot be read"},
		"none is named":     {nil, func(i *aadpodidentity.Identity) { i.ClientPassword.Name = "" }, 403, "names no Secret"},
		"four tenants":      {nil, func(i *aadpodidentity.Identity) { i.AuxiliaryTenantIDs = []string{"a", "b", "c", "d"} }, 403, "4 auxiliary tenants"},
		"another namespace": {nil, func(i *aadpodidentity.Identity) {
			i.ClientPassword.Namespace = "other"
			i.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
		}, 403, "is in another"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.unread = c.err
			i := principalIdentity(w.azure.Endpoints().Authority)
			if c.change != nil {
				c.change(&i)
			}
			w.assign(w.pod(1, "shop", "web", "web"), i, aadpodidentity.Assigned)
			w.refuses(w.token(1, ""), c.status, c.word)
		})
	}
	w := newWorld(t, func(w *world) { w.config.Secrets = nil })
	w.assign(w.pod(1, "shop", "web", "web"), principalIdentity(""), aadpodidentity.Assigned)
	w.refuses(w.token(1, ""), 403, "was not given Secrets to read")
}

// Auxiliary tenants make the answer an array, the own tenant's token first; the host endpoint gives that one alone.
func TestAuxiliaryTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := principalIdentity(w.azure.Endpoints().Authority)
	i.AuxiliaryTenantIDs = []string{"shop.example"}
	w.serve(1, i, map[string]string{"clientSecret": planted})
	r := w.token(1, "")
	var list []map[string]string
	if r.status != 200 || json.Unmarshal([]byte(r.body), &list) != nil || len(list) != 2 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for _, fields := range list {
		w.belongs(fields["access_token"], "app")
	}
	h := w.host("shop", "pod-b", "")
	if h.status != 200 {
		t.Fatalf("%d %s", h.status, h.body)
	}
	w.belongs(hostToken(t, h), "app")
}

// A certificate proves like a secret does; one that is not RSA is refused with its reason (acceptance list 59; defect 14).
func TestCertificates(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	good, leaf := pfx(t, rsaKey, &rsaKey.PublicKey)
	elliptical, _ := pfx(t, ecKey, &ecKey.PublicKey)
	w := newWorld(t, func(w *world) { w.config.Clock = clock.Real{} }) // Entra compares the assertion's times with its own
	must(t, w.azure.Directory().AddCertificate("certified", entra.ClientCertificate{Name: "one", Certificate: leaf}))
	for n, c := range []struct {
		data   map[string]string
		status int
		words  []string
	}{
		{map[string]string{"certificate": good, "password": "pw"}, 200, nil},
		{map[string]string{"certificate": good, "password": "wrong"}, 403, []string{"password is wrong", "its password under password"}},
		{map[string]string{"certificate": elliptical, "password": "pw"}, 403, []string{"not RSA"}},
		{map[string]string{"certificate": "rubbish"}, 403, []string{"neither PEM nor a PKCS#12"}},
		{map[string]string{"tls.crt": good}, 403, []string{"no certificate under the key certificate"}},
	} {
		i := principalIdentity(w.azure.Endpoints().Authority)
		i.Type, i.ClientID = aadpodidentity.ServicePrincipalCertificate, certified
		i.ClientPassword.Name += string(rune('0' + n))
		w.serve(n+1, i, c.data)
		if r := w.token(n+1, ""); c.status == 200 {
			w.holds(r, "certified")
		} else {
			w.refuses(r, c.status, c.words...)
		}
	}
}

const certified = "3b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c09"

func pfx(t *testing.T, key, public any) (file string, leaf *x509.Certificate) {
	t.Helper()
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, key)
	must(t, err)
	leaf, err = x509.ParseCertificate(der)
	must(t, err)
	encoded, err := pkcs12.Modern.Encode(key, leaf, nil, "pw")
	must(t, err)
	return string(encoded), leaf
}
