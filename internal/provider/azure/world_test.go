package azure_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
	"strongroom/internal/provider"
	"strongroom/internal/provider/azure"
	"strongroom/internal/share"
)

const (
	tenant  = "3a6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	app     = "3b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	other   = "3c1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c02"
	managed = "3d8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502"
	planted = "planted-value-7f3a"
)

const world = `
tenants: [{id: ` + tenant + `, domain: shop.example}]
applications:
- name: app
  clientId: ` + app + `
  secrets: [{name: one, value: "right ` + planted + `", expires: 2100-01-01T00:00:00Z}]
  federatedCredentials:
  - {name: web, subject: "system:serviceaccount:shop:web"}
  - {name: api, subject: "system:serviceaccount:shop:api"}
- name: other
  clientId: ` + other + `
  federatedCredentials: [{name: web, subject: "system:serviceaccount:shop:web"}]
identities:
- name: managed
  clientId: ` + managed + `
  federatedCredentials: [{name: web, subject: "system:serviceaccount:shop:web"}]
nodes: [{name: node-1, systemAssigned: true, identities: [managed]}]
podBindings: [{namespace: shop, pod: "web-1", identity: managed}]
identityBindings: [{identity: managed, namespace: shop, serviceAccount: web}]
vaults:
- name: policies-kv
  policies:
  - {principal: app, secrets: [get, list], keys: [get], certificates: [get]}
  - {principal: managed, secrets: [get]}
  - {principal: node-1, secrets: [get]}
  objects:
  - {kind: secret, name: a, versions: [{value: "` + planted + `-a"}]}
  - {kind: secret, name: b, versions: [{value: "` + planted + `-b"}]}
  - {kind: secret, name: off, versions: [{value: "` + planted + `-off", enabled: false}]}
  - kind: secret
    name: many
    versions:
    - {value: one, created: -4h}
    - {value: two, created: -3h}
    - {value: three, created: -2h, enabled: false}
    - {value: four, created: -1h}
  - {kind: key, name: k, versions: [{keyType: EC-P256}]}
  - {kind: certificate, name: tls, versions: [{subject: CN=shop.example, chain: 1, root: true, shuffle: true}]}
- name: roles-kv
  authorization: rbac
  roleAssignments: [{principal: app, role: Key Vault Secrets User, scope: secrets/a}]
  objects:
  - {kind: secret, name: a, versions: [{value: "` + planted + `-a"}]}
  - {kind: secret, name: b, versions: [{value: "` + planted + `-b"}]}
`

// node is a provider against an emulator, with everything between them real.
type node struct {
	*azure.Provider
	t     testing.TB
	azure *emulator.Emulator
	pool  *share.Pool
	clock *shifting
}

func newNode(t testing.TB, mutate ...func(*azure.Config, *token.Config)) *node {
	t.Helper()
	return newNodeBy(t, func(em *emulator.Emulator) (transport.Config, cloud.Cloud) {
		own, err := cloud.Parse(em.CloudFile())
		if err != nil {
			t.Fatal(err)
		}
		return transport.Config{CA: em.CA(), CAOnly: true}, own
	}, mutate...)
}

// newNodeBy makes a node that reaches the emulator in the given way, under the names of the given cloud.
func newNodeBy(t testing.TB, by func(*emulator.Emulator) (transport.Config, cloud.Cloud), mutate ...func(*azure.Config, *token.Config)) *node {
	t.Helper()
	document, err := state.Parse([]byte(world), os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	em, err := emulator.New(emulator.Config{Document: document})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return em.Run(ctx) })
	t.Cleanup(func() {
		stop()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	way, own := by(em)
	clients, err := transport.New(way)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	ends := em.Endpoints()
	moved := &shifting{}
	pool := share.New(share.Config{Clock: moved})
	tokens := token.Config{
		HTTP: clients.Azure, Direct: clients.Direct, IMDS: ends.IMDS["node-1"], NMI: ends.NMI,
		Binding: token.Binding{URL: ends.TokenProxy, SNI: "tokenproxy.azure.localhost", CA: func() ([]byte, error) { return em.CA(), nil }},
	}
	config := azure.Config{
		Vaults: keyvault.New(keyvault.Config{HTTP: clients.Azure}), Pool: pool, Clock: moved, Cloud: own, Chain: true, Warm: clients.Warm, System: "linux",
	}
	for _, m := range mutate {
		m(&config, &tokens)
	}
	config.Tokens = token.New(tokens)
	return &node{Provider: azure.New(config), t: t, azure: em, pool: pool, clock: moved}
}

// objects writes a class's objects: "secret/a", or "secret/a objectVersionHistory: 2".
func objects(list ...string) string {
	var b strings.Builder
	b.WriteString("array:\n")
	for _, item := range list {
		name, more, _ := strings.Cut(item, " ")
		kind, name, _ := strings.Cut(name, "/")
		fmt.Fprintf(&b, "  - |\n    objectType: %s\n    objectName: %s\n", kind, name)
		for field := range strings.SplitSeq(more, ",") {
			if field != "" {
				fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(field))
			}
		}
	}
	return b.String()
}

// workload is the request of a pod of ServiceAccount shop/<account> with workload identity as the application.
func (n *node) workload(account string, list ...string) provider.Request {
	n.t.Helper()
	req := n.request(list...)
	req.Attributes["clientID"] = app
	n.present(&req, account, "api://AzureADTokenExchange", time.Hour)
	return req
}

func (n *node) request(list ...string) provider.Request {
	return provider.Request{
		Attributes: map[string]string{
			"keyvaultName": "policies-kv", "tenantId": tenant, "objects": objects(list...),
			secretsstore.AttrPodName: "web-1", secretsstore.AttrPodNamespace: "shop", secretsstore.AttrPodUID: "u",
			secretsstore.AttrServiceAccount: "web",
		},
		Mode:      0o644,
		Freshness: provider.Freshness{NotBefore: n.clock.Now()},
	}
}

// present puts a service account token into the request, as the kubelet would.
func (n *node) present(req *provider.Request, account, audience string, ttl time.Duration) {
	n.t.Helper()
	raw, expires, err := n.azure.ServiceAccountToken("shop", account, audience, ttl)
	if err != nil {
		n.t.Fatal(err)
	}
	tokens, err := json.Marshal(map[string]map[string]string{audience: {"token": raw, "expirationTimestamp": expires.UTC().Format(time.RFC3339)}})
	if err != nil {
		n.t.Fatal(err)
	}
	req.Attributes[secretsstore.AttrServiceAccount] = account
	req.Attributes[secretsstore.AttrServiceAccountToken] = string(tokens)
}

func within(req provider.Request, age time.Duration) provider.Request {
	req.Freshness = provider.Freshness{NotBefore: time.Now().Add(-age)}
	return req
}

// remount makes req that of a volume which holds what an earlier mount gave.
func remount(req provider.Request, held provider.Response) provider.Request {
	req.Current = held.Versions
	return req
}

func (n *node) must(req provider.Request) provider.Response {
	n.t.Helper()
	response, err := n.Mount(n.t.Context(), req)
	if err != nil {
		n.t.Fatal(err)
	}
	return response
}

func (n *node) faults(list ...emulator.Fault) {
	n.t.Helper()
	if err := n.azure.SetFaults(list); err != nil {
		n.t.Fatal(err)
	}
}

// calls runs f and counts the requests it causes, by kind.
func (n *node) calls(f func()) map[string]int {
	n.azure.ResetRequests()
	f()
	counts := n.azure.Counts()
	maps.DeleteFunc(counts, func(kind string, _ int) bool { return strings.HasPrefix(kind, "issuer-") }) // Entra's own
	return counts
}

// shifting is a clock that a test can move without stopping it.
type shifting struct {
	clock.Real
	by atomic.Int64
}

func (s *shifting) Now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

func content(response provider.Response, path string) string {
	for _, file := range response.Files {
		if file.Path == path {
			return string(file.Contents.Reveal())
		}
	}
	return "(no file " + path + ")"
}
