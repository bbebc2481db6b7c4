package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// identity is everything that decides whom Azure sees for a volume, and what is read.
type identity struct {
	mode                     secret.Mode
	tenant, client, password string
	namespace, account, pod  string
	issuer                   string
	cloud                    string // file of the environment; empty is the node's own
	vault, object            string
}

// base is the identity that the others differ from in one field.
func base(mode secret.Mode) identity {
	return identity{
		mode: mode, tenant: tenant, client: client, password: "password-1", namespace: "shop", account: "web", pod: "web-0",
		issuer: issuer, vault: "kv-one", object: "a",
	}
}

// whom is what the fake's content says of its reader.
func (i identity) whom() string {
	subject := "system:serviceaccount:" + i.namespace + ":" + i.account
	switch i.mode {
	case secret.WorkloadIdentity:
		return strings.Join([]string{"token", i.tenant, i.client, i.issuer, subject, "[" + exchange + "]"}, "|")
	case secret.IdentityBinding:
		return strings.Join([]string{"proxy", i.tenant, i.client, i.issuer, subject, "[" + binding + "]"}, "|")
	case secret.ServicePrincipal:
		sum := sha256.Sum256([]byte(i.password))
		return strings.Join([]string{"token", i.tenant, i.client, hex.EncodeToString(sum[:8])}, "|")
	case secret.PodIdentity:
		return "nmi|" + nmiClient(i.namespace, i.pod)
	default:
		return "imds|" + i.client
	}
}

func (i identity) content() string { return contentFor(i.whom(), i.vault+".x", i.object) }

// request is the provider's for a volume of this identity.
func (i identity) request(n *node) provider.Request {
	class := parameters(secrets(i.object), "keyvaultName", i.vault, "tenantId", i.tenant, "clientID", "", "lastKnownGood", "24h")
	if i.cloud != "" {
		class["cloudName"], class["cloudEnvFileName"] = "AzureStackCloud", i.cloud
	}
	req := provider.Request{Attributes: class, Mode: 0o600}
	change := map[string]any{"iss": i.issuer}
	switch i.mode {
	case secret.WorkloadIdentity:
		class["clientID"] = i.client
		class[secretsstore.AttrServiceAccountToken] = tokensOf(exchange, n.token(i.namespace, i.account, exchange, change))
	case secret.IdentityBinding:
		class["clientID"], class["useAzureTokenProxy"] = i.client, "true"
		class[secretsstore.AttrServiceAccountToken] = tokensOf(binding, n.token(i.namespace, i.account, binding, change))
	case secret.ServicePrincipal:
		req.Secrets = map[string]secret.Value{"clientid": secret.NewValue([]byte(i.client)), "clientsecret": secret.NewValue([]byte(i.password))}
	case secret.ManagedIdentity:
		class["useVMManagedIdentity"], class["userAssignedIdentityID"] = "true", i.client
	case secret.PodIdentity:
		class["usePodIdentity"] = "true"
	}
	class[secretsstore.AttrPodNamespace], class[secretsstore.AttrPodName] = i.namespace, i.pod
	class[secretsstore.AttrServiceAccount], class[secretsstore.AttrPodUID] = i.account, "uid"
	return req
}

// generous is a node that shares as much as it ever may.
func generous(t *testing.T) (*node, provider.Provider, *clock.Fake) {
	t.Helper()
	turned := clock.NewFake()
	var p provider.Provider
	n := newNode(t, func(s *settings) {
		s.clock, s.share.MaxWait = turned, -1
		s.azure.Freshness, s.azure.LastKnownGood, s.azure.CloudFiles = 24*time.Hour, 24*time.Hour, t.TempDir()
		s.provider = stranger(nil) // the sockets are not used
	})
	s := settings{clock: turned}
	s.transport.CA, s.transport.CAOnly = n.azure.ca, true
	s.share.MaxWait = -1
	s.azure.Freshness, s.azure.LastKnownGood, s.azure.CloudFiles = 24*time.Hour, 24*time.Hour, t.TempDir()
	for name, changed := range map[string][2]string{"same.json": {"Fake", "vault"}, "renamed.json": {"Other", "vault"}, "suffix.json": {"Fake", "region"}} {
		suffix := strings.Replace("vault.fake.localhost", "vault", changed[1], 1)
		if changed[1] == "region" {
			suffix = "other.localhost"
		}
		document := fmt.Sprintf(`{"name":%q,"activeDirectoryEndpoint":"https://login.fake.localhost:%[2]s/","keyVaultEndpoint":"https://vault.fake.localhost/","keyVaultDNSSuffix":"%[3]s:%[2]s"}`, changed[0], n.azure.port, suffix)
		must(t, os.WriteFile(filepath.Join(s.azure.CloudFiles, name), []byte(document), 0o600))
	}
	p = n.azureProvider(&s)
	return n, p, turned
}

// different are identities that differ from the base in one field each, where that field counts for the mode.
func different(mode secret.Mode) map[string]identity {
	change := func(f func(*identity)) identity {
		i := base(mode)
		f(&i)
		return i
	}
	list := map[string]identity{
		"vault":        change(func(i *identity) { i.vault = "kv-two" }),
		"vault suffix": change(func(i *identity) { i.cloud = "suffix.json" }),
		"object":       change(func(i *identity) { i.object = "b" }),
		"cloud's name": change(func(i *identity) { i.cloud = "renamed.json" }),
		"tenant":       change(func(i *identity) { i.tenant = "22222222-2222-3333-4444-555555555555" }),
	}
	for _, other := range []secret.Mode{secret.WorkloadIdentity, secret.ServicePrincipal, secret.ManagedIdentity, secret.IdentityBinding} {
		if other != mode {
			list["mode "+string(other)] = change(func(i *identity) { i.mode = other })
		}
	}
	if mode != secret.PodIdentity {
		list["client"] = change(func(i *identity) { i.client = "bbbbbbbb-2222-3333-4444-555555555555" })
	}
	switch mode {
	case secret.ServicePrincipal:
		list["password"] = change(func(i *identity) { i.password = "password-2" })
		list["password's case"] = change(func(i *identity) { i.password = "Password-1" })
	case secret.WorkloadIdentity, secret.IdentityBinding:
		list["issuer"] = change(func(i *identity) { i.issuer += "/" })
		list["namespace"] = change(func(i *identity) { i.namespace = "bank" })
		list["account"] = change(func(i *identity) { i.account = "api" })
	case secret.PodIdentity:
		list["pod"] = change(func(i *identity) { i.pod = "web-1" })
		list["namespace"] = change(func(i *identity) { i.namespace = "bank" })
	}
	return list
}

// With Azure down and everything allowed that can be, an identity is served what is its own and nothing of one that
// differs in a single field; nor does it use the other's token.
func TestIdentitiesThatDifferInOneFieldShareNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []secret.Mode{secret.WorkloadIdentity, secret.ServicePrincipal, secret.ManagedIdentity, secret.PodIdentity, secret.IdentityBinding} {
		for field, other := range different(mode) {
			t.Run(string(mode)+" "+field, func(t *testing.T) {
				t.Parallel()
				n, p, turned := generous(t)
				mine := base(mode)
				answer, err := p.Mount(t.Context(), mine.request(n))
				if err != nil || string(answer.Files[0].Contents.Reveal()) != mine.content() {
					t.Fatalf("%v", err)
				}
				n.azure.requests()
				// The other's own token, if it needs one, is refused by nobody: only the vault is down.
				n.azure.outage("secrets")
				turned.Advance(time.Minute)
				if answer, err := p.Mount(t.Context(), other.request(n)); err == nil {
					t.Errorf("it was served %q", answer.Files[0].Contents.Reveal())
				}
				for _, s := range n.azure.requests() {
					n.azure.mu.Lock()
					whom := n.azure.tokens[strings.TrimPrefix(s.auth, "Bearer ")]
					n.azure.mu.Unlock()
					if s.auth != "" && whom != other.whom() {
						t.Errorf("it read as %s", whom)
					}
				}
				n.azure.outage("secrets token proxy imds")
				turned.Advance(time.Minute)
				answer, err = p.Mount(t.Context(), mine.request(n))
				if err != nil || string(answer.Files[0].Contents.Reveal()) != mine.content() {
					t.Errorf("its owner was not served: %v", err)
				}
			})
		}
	}
}

// Thousands of mounts at once, of every identity, with faults thrown in and time going on: whatever is served names the
// pod's own identity.
func TestWhateverIsServedNamesThePodsOwnIdentity(t *testing.T) {
	t.Parallel()
	n, p, turned := generous(t)
	var all []identity
	for _, mode := range []secret.Mode{secret.WorkloadIdentity, secret.ServicePrincipal, secret.ManagedIdentity, secret.PodIdentity, secret.IdentityBinding} {
		all = append(all, base(mode))
		for field, i := range different(mode) {
			if field != "vault suffix" { // its content looks the same
				all = append(all, i)
			}
		}
	}
	n.azure.on(func(kind string, w http.ResponseWriter, r *http.Request) bool {
		faults := []lie{status(500), status(503), status(429, "Retry-After", "1"), status(403), status(401), status(404), cut, body("{"), drop}
		if rand.IntN(12) > 0 {
			return false
		}
		faults[rand.IntN(len(faults))](w, r)
		return true
	})
	const workers, each = 16, 150
	var group errgroup.Group
	served := make([]int, workers)
	for w := range workers {
		group.Go(func() error {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			var held []secret.Version
			for range each {
				i := all[random.IntN(len(all))]
				req := i.request(n)
				req.Current = held
				switch random.IntN(3) {
				case 0:
					req.Freshness.NotBefore = turned.Now()
				case 1:
					turned.Advance(time.Duration(random.IntN(int(3 * time.Second))))
				}
				answer, err := p.Mount(t.Context(), req)
				if err != nil {
					if len(answer.Files) > 0 {
						return fmt.Errorf("files beside an error: %w", err)
					}
					continue
				}
				held = answer.Versions
				served[w]++
				if got := string(answer.Files[0].Contents.Reveal()); got != i.content() {
					return fmt.Errorf("%+v was served %q", i, got)
				}
			}
			return nil
		})
	}
	must(t, group.Wait())
	total := 0
	for _, s := range served {
		total += s
	}
	list := n.azure.requests()
	t.Logf("%d of %d mounts served with %d requests", total, workers*each, len(list))
	if total < workers*each/4 {
		t.Error("too few were served to prove anything")
	}
}

// drop closes the connection without an answer.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
