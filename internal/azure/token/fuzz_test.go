package token_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/anyanswer"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Whatever an authority, the metadata service or NMI answers: a token that is taken fits into a header and ends within
// a week, a refusal has one line, a kind and no credential, and nobody else is asked.
//
//fuzz:share 5
func FuzzAnswers(f *testing.F) {
	f.Add(200, goodToken, "", "")
	f.Add(200, `{"access_token":"x","expires_on":"01/02/2030 15:04:05","expires_in":"-1"}`, "", "")
	f.Add(200, `{"token":{"access_token":"x\n","expires_in":1e300},"clientid":"c"}`, "", "")
	f.Add(401, `{"error":"invalid_client","error_description":"AADSTS7000215: 'a. b' is `, ` no. Trace ID: 1\r\n"}`, "9")
	f.Add(404, "no AzureAssignedIdentity; to mend: \x00", "", "x")
	f.Add(302, "<html>", "", "")
	f.Add(429, `{"error_codes":[9999999999999999999]}`, "", "Wed, 21 Oct 2100 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, status int, before, after, wait string) {
		if status < 200 || status > 999 {
			return
		}
		now := clock.NewFake()
		ways := &anyanswer.Server{Status: status, Body: before + after, Header: http.Header{
			"Retry-After": {wait}, "X-Ms-Request-Id": {wait}, "Location": {"https://elsewhere.example/"},
		}}
		if status >= 400 {
			ways.Body = before + jwt + after // a server that sends back what it was sent
		}
		via := ways.Client()
		c := token.New(token.Config{HTTP: via, Direct: via, Clock: now, IMDS: "http://imds.test", NMI: "http://nmi.test"})
		of := token.Target{Authority: "https://login.test", Tenant: tenant, ClientID: clientID, Resource: vault}
		pod := secret.Pod{Namespace: "shop", Name: "web", UID: "u", ServiceAccount: "web"}
		for _, ask := range []func() (token.Token, error){
			func() (token.Token, error) { return c.Federated(context.Background(), of, serviceAccount()) },
			func() (token.Token, error) {
				return c.ClientSecret(context.Background(), of, secret.NewValue([]byte(jwt)))
			},
			func() (token.Token, error) { return c.Managed(context.Background(), of) },
			func() (token.Token, error) { return c.Pod(context.Background(), of, pod) },
		} {
			got, err := ask()
			if err != nil {
				anyanswer.Refused(t, err, jwt, 4096)
				continue
			}
			if life := got.ExpiresOn.Sub(now.Now()); life <= 0 || life > 7*24*time.Hour || got.RefreshOn.After(got.ExpiresOn) || got.RefreshOn.Before(now.Now()) {
				t.Fatalf("lives %v, refresh %v", life, got.RefreshOn.Sub(now.Now()))
			}
			if text := string(got.Value.Reveal()); text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Fatalf("token %q", text)
			}
			token.HolderOf(got.Value)
		}
		for _, host := range ways.Asked {
			if host != "https://login.test" && host != "http://imds.test" && host != "http://nmi.test" {
				t.Fatalf("%s was asked", host)
			}
		}
	})
}

// A holder is read of what claims to be a token, and of nothing else.
func FuzzHolder(f *testing.F) {
	f.Add([]byte(`{"oid":"o","tid":"t","azp":"a"}`), "x")
	f.Add([]byte(`{"oid":1}`), ".")
	f.Fuzz(func(t *testing.T, claims []byte, around string) {
		raw := around + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + around
		h, ok := token.HolderOf(secret.NewValue([]byte(raw)))
		if !ok && h != (token.Holder{}) {
			t.Errorf("%+v", h)
		}
	})
}

// A certificate that is taken can sign; of one that is refused nothing is told.
func FuzzCertificate(f *testing.F) {
	pair := mint(f)
	f.Add(append(block("CERTIFICATE", pair.der), pair.keyPEM("RSA PRIVATE KEY")...), "")
	f.Add([]byte("-----BEGIN Pl4ntedS3cret PRIVATE KEY-----\nAA==\n-----END Pl4ntedS3cret PRIVATE KEY-----\n"), "x")
	f.Add([]byte("MIIB"), "Pl4ntedS3cret")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		c, err := token.ParseCertificate(secret.NewValue(data), secret.NewValue([]byte(password)))
		if err != nil {
			if text := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(text, "\n") || len(text) > 1024 {
				t.Fatalf("%v %q", fault.KindOf(err), text)
			}
			return
		}
		via := (&anyanswer.Server{Status: 200, Body: goodToken}).Client()
		at := token.Target{Authority: "https://login.test", Tenant: tenant, ClientID: clientID, Resource: vault}
		if _, err := token.New(token.Config{HTTP: via}).ClientCertificate(context.Background(), at, c); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains([]byte(c.String()+c.GoString()), []byte("PRIVATE")) {
			t.Fatal("prints its key")
		}
	})
}

// A server name made of the API server's certificate is one DNS label under the proxy's domain, whatever stands there.
func FuzzBindingServerName(f *testing.F) {
	f.Add("hcp-kubernetes.0123456789abcdef.svc.cluster.local")
	f.Add("hcp-kubernetes.svc.cluster.local")
	f.Fuzz(func(t *testing.T, name string) {
		got, err := token.BindingServerName(&x509.Certificate{DNSNames: []string{name}})
		label, found := strings.CutSuffix(got, ".ests.aks")
		if err == nil && (!found || label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789") != "") || err != nil && got != "" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
