package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"strongroom/e2e/azure"
)

// A service principal, by client secret or by certificate, gives its pod tokens that are that application's and read its
// vault; nothing is put on the machine for it. A credential that Azure refuses is refused in its words, never with another
// identity's token in its place, and once the Secret is mended so is the pod.
func TestServicePrincipalsGiveTheirOwnTokens(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	pair := newPair(t, rsaKey(t))
	managed, app, certified := Azure().Managed(t), Azure().Application(t), certifiedApplication(t, pair)
	vault := Azure().Vault(t, app, certified)
	vault.Set(t, "db", "one")
	principal(t, ns, app, 1, map[string][]byte{"clientSecret": []byte(app.Secret)})
	principal(t, ns, certified, 2, map[string][]byte{"certificate": pair.pkcs12(t, "pass"), "password": []byte("pass")})
	Run(t, Pod(ns, "secret", Of(CurlImage), Labelled(BoundBy, app.Name)))
	Run(t, Pod(ns, "certificate", Of(CurlImage), Labelled(BoundBy, certified.Name)))
	before := Azure().Machine(t)
	for pod, id := range map[string]azure.Identity{"secret": app, "certificate": certified} {
		AwaitAssigned(t, ns, pod, id.Name)
		for _, query := range []string{"", "&client_id=" + id.ClientID, "&client_id=" + strings.ToUpper(id.ClientID)} {
			if got := AwaitToken(t, ns, pod, query, id.ObjectID); got.ClientID != id.ClientID {
				t.Errorf("%s%s: the token is of application %s, not of %s", pod, query, got.ClientID, id.ClientID)
			}
		}
		bearer, err := bearerOf(AskMetadata(t, ns, pod, tokenPath))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := vault.Get(t, "db", bearer); got != "one" || err != nil {
			t.Errorf("%s: the vault answers its token with %q, %v", pod, got, err)
		}
		for _, other := range []azure.Identity{app, certified, managed} {
			if other.Name != id.Name {
				AwaitRefusal(t, ns, pod, "&client_id="+other.ClientID, http.StatusNotFound, "no azure identity of this pod")
			}
		}
	}
	if now := Azure().Machine(t); now.Has(app) || now.Has(certified) || now.PrincipalID != before.PrincipalID {
		t.Errorf("the machine has %v", now.Identities)
	}
	refusedCredentials(t, ns)
}

// refusedCredentials are wrong ones of pods that may have a managed identity as well. Who names nothing means the first by
// name, which is the application.
func refusedCredentials(t *testing.T, ns string) {
	t.Helper()
	right, other := newPair(t, rsaKey(t)), newPair(t, rsaKey(t))
	app, certified := Azure().Application(t), certifiedApplication(t, right)
	const guess = "a-guess-that-no-answer-repeats"
	for _, wrong := range []struct {
		pod         string
		id          azure.Identity
		kind        int
		bad, mended map[string][]byte
		code        string
	}{
		{"guessed", app, 1, map[string][]byte{"clientSecret": []byte(guess)}, map[string][]byte{"clientSecret": []byte(app.Secret)}, "AADSTS7000215"},
		{"forged", certified, 2, map[string][]byte{"certificate": []byte(other.bundle())}, map[string][]byte{"certificate": []byte(right.bundle())}, "AADSTS700027"},
	} {
		principal(t, ns, wrong.id, wrong.kind, wrong.bad)
		managed := Azure().Managed(t)
		Bind(t, ns, managed, wrong.id.Name)
		Run(t, Pod(ns, wrong.pod, Of(CurlImage), Labelled(BoundBy, wrong.id.Name)))
		AwaitAssigned(t, ns, wrong.pod, wrong.id.Name, managed.Name)
		AwaitToken(t, ns, wrong.pod, "&client_id="+managed.ClientID, managed.ObjectID)
		for _, query := range []string{"", "&client_id=" + wrong.id.ClientID, "&bypass_cache=true&client_id=" + wrong.id.ClientID} {
			got := AskMetadata(t, ns, wrong.pod, tokenPath+query)
			if got.status != http.StatusForbidden || !holdsAll(got.body, []string{wrong.code, wrong.id.ClientID}) {
				t.Errorf("%s%s: %s, not 403 with %s", wrong.pod, query, got, wrong.code)
			}
			if strings.Contains(got.body, guess) || strings.Contains(got.body, "access_token") {
				t.Errorf("%s%s: the answer repeats the credential, or gives a token: %s", wrong.pod, query, got)
			}
		}
		principalSecret(t, ns, wrong.id, wrong.mended)
		if got := AwaitToken(t, ns, wrong.pod, "", wrong.id.ObjectID); got.ClientID != wrong.id.ClientID {
			t.Errorf("%s: mended, the token is of application %s", wrong.pod, got.ClientID)
		}
	}
}

// principal makes the AzureIdentity of an application, with its Secret, bound to pods with its name.
func principal(t *testing.T, ns string, app azure.Identity, kind int, credential map[string][]byte) {
	t.Helper()
	principalSecret(t, ns, app, credential)
	Apply(t, fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: %[1]s, name: %[2]s}, spec: {type: %[3]d, tenantID: %[4]s, clientID: %[5]s, clientPassword: {name: %[2]s, namespace: %[1]s}}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentityBinding, metadata: {namespace: %[1]s, name: %[2]s}, spec: {azureIdentity: %[2]s, selector: %[2]s}}`,
		ns, app.Name, kind, azure.Tenant, app.ClientID))
}

func principalSecret(t *testing.T, ns string, app azure.Identity, credential map[string][]byte) {
	t.Helper()
	text := "{apiVersion: v1, kind: Secret, metadata: {namespace: " + ns + ", name: " + app.Name + "}, data: {"
	for key, value := range credential {
		text += key + ": " + base64.StdEncoding.EncodeToString(value) + ", "
	}
	Apply(t, strings.TrimSuffix(text, ", ")+"}}")
}

// certifiedApplication is an app registration that knows a certificate, and no secret.
func certifiedApplication(t *testing.T, p pair) azure.Identity {
	t.Helper()
	name := azure.Unique("app")
	return Azure().Add(t, fmt.Sprintf("applications: [{name: %s, certificates: [{name: e2e, pem: %q}]}]", name, p.certificatePEM))[name]
}

// pkcs12 is the pair as a file with a password.
func (p pair) pkcs12(t *testing.T, password string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(p.certificatePEM))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	file, err := pkcs12.Modern.WithRand(rand.Reader).Encode(p.signer, certificate, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
