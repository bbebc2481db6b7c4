package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// sha256("identity-binding" + "abc"), base32hex.
const abcServerName = "ar47lgcnhtn52tohpbtporqbc5cjfjah6gmfdpri09hpae1b0v370.ests.aks"

// cluster is a TLS server that is the API server under one name and the token proxy under another, as AKS is.
func cluster(t *testing.T, answer func(*server)) (s *server, names func() []string, ca []byte) {
	t.Helper()
	var mu sync.Mutex
	var asked []string
	s = record(says(200, goodToken))
	if answer != nil {
		answer(s)
	}
	certificate, ca := mintServer(t, "api.localhost", "hcp-kubernetes.abc.svc.cluster.local", abcServerName)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, h.ServerName)
		return nil, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(asked)
	}, ca
}

func mintServer(t *testing.T, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, block("CERTIFICATE", der)
}

func boundTarget() token.Target {
	return token.Target{Authority: "https://login.invalid", Tenant: tenant, ClientID: clientID, Resource: vault}
}

func TestBound(t *testing.T) {
	t.Parallel()
	s, names, ca := cluster(t, nil)
	api := strings.Replace(strings.TrimPrefix(s.URL, "https://"), "127.0.0.1", "api.localhost", 1)
	var reads atomic.Int32
	now := clock.NewFake()
	client := token.New(token.Config{Clock: now, Version: "test", UserAgentSuffix: "shop", Binding: token.Binding{
		URL: s.URL + "/", APIServer: api,
		CA: func() ([]byte, error) { reads.Add(1); return ca, nil },
	}})
	if len(names()) != 0 || reads.Load() != 0 {
		t.Error("something was asked before the first use")
	}
	got, err := client.Bound(t.Context(), boundTarget(), serviceAccount())
	checkToken(t, got, err, now.Now(), time.Hour, 48*time.Minute, clientID)
	if form := posted(t, s, "/"+tenant+"/oauth2/v2.0/token"); form.Get("client_assertion") != jwt {
		t.Errorf("form without the assertion: %d fields", len(form))
	}
	if _, err := client.Bound(t.Context(), boundTarget(), serviceAccount()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"api.localhost", abcServerName}; strings.Join(names(), " ") != strings.Join(want, " ") {
		t.Errorf("server names %v, want %v and no more", names(), want)
	}
}

func TestBoundNoticesANewAuthority(t *testing.T) {
	t.Parallel()
	s, names, ca := cluster(t, nil)
	_, stale := mintServer(t, abcServerName)
	current := stale
	client := token.New(token.Config{Clock: clock.NewFake(), Binding: token.Binding{
		URL: s.URL, SNI: abcServerName, CA: func() ([]byte, error) { return current, nil },
	}})
	if _, err := client.Bound(t.Context(), boundTarget(), serviceAccount()); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("a stale authority: %v", err)
	}
	current = ca
	if _, err := client.Bound(t.Context(), boundTarget(), serviceAccount()); err != nil {
		t.Error(err)
	}
	for _, name := range names() {
		if name != abcServerName {
			t.Errorf("server name %q, with one configured", name)
		}
	}
}

func TestBoundRefusals(t *testing.T) {
	t.Parallel()
	s, _, ca := cluster(t, func(s *server) { s.answer = says(403, `{"kind":"Status","message":"no binding"}`) })
	good := token.Binding{URL: s.URL, SNI: abcServerName, CA: func() ([]byte, error) { return ca, nil }}
	for name, c := range map[string]struct {
		mutate func(*token.Binding)
		kind   fault.Kind
		text   string
	}{
		"refused":       {func(*token.Binding) {}, fault.Denied, "az aks identity-binding create"},
		"no authority":  {func(b *token.Binding) { b.CA = nil }, fault.Unsupported, "no certificate authority"},
		"unreadable":    {func(b *token.Binding) { b.CA = func() ([]byte, error) { return nil, errors.New("gone") } }, fault.Internal, "cannot be read: gone"},
		"not PEM":       {func(b *token.Binding) { b.CA = func() ([]byte, error) { return []byte("x"), nil } }, fault.Invalid, "no certificate in PEM"},
		"plain http":    {func(b *token.Binding) { b.URL = "http://kubernetes" }, fault.Invalid, "plain https address"},
		"no API server": {func(b *token.Binding) { b.SNI, b.APIServer = "", "127.0.0.1:1" }, fault.Unavailable, "127.0.0.1:1"},
		"another name":  {func(b *token.Binding) { b.SNI = "other.ests.aks" }, fault.Unavailable, "other.ests.aks"},
	} {
		b := good
		c.mutate(&b)
		_, err := token.New(token.Config{Binding: b}).Bound(t.Context(), boundTarget(), serviceAccount())
		if fault.KindOf(err) != c.kind || !strings.Contains(fault.Explain(err), c.text) {
			t.Errorf("%s: got %s", name, fault.Explain(err))
		}
	}
	if n := len(s.seen); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestBindingServerName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"hcp-kubernetes.abc.svc.cluster.local": abcServerName,
		"hcp-kubernetes..svc.cluster.local":    "",
		"kubernetes.default.svc":               "",
	} {
		got, err := token.BindingServerName(&x509.Certificate{DNSNames: []string{"x", name}})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if label, _, _ := strings.Cut(got, "."); want != "" && len(label) != 53 {
			t.Errorf("label of %d characters", len(label))
		}
	}
	if _, err := url.Parse("https://" + abcServerName); err != nil {
		t.Error(err)
	}
}
