package stress

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/token"
	"strongroom/internal/provider"
	azureprovider "strongroom/internal/provider/azure"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// node is one machine: driver and provider of the product, and a kubelet's part of pods.
type node struct {
	*storm
	id        int
	clock     nodeClock
	publisher *publish.Publisher
	volumes   publish.Volumes
	provider  atomic.Pointer[azureprovider.Provider]
	chance    *rand.Rand // of the provider's back-off
	pods      []*pod

	mu     sync.Mutex
	seen   map[string]time.Time     // of pods, by UID
	proofs map[string]proof         // by ServiceAccount
	served map[string]time.Duration // by target: when what stands there was asked for, since the start
}

// proof is a service account token as a kubelet keeps it.
type proof struct {
	json    secret.Value
	expires time.Time
}

func newNode(s *storm, id int) *node {
	n := &node{
		storm: s, id: id, clock: nodeClock{start: s.start, wrong: &s.wrong},
		chance: rand.New(rand.NewPCG(s.config.Seed, uint64(id))),
		seen:   map[string]time.Time{}, proofs: map[string]proof{}, served: map[string]time.Duration{},
	}
	n.restartProvider()
	n.volumes = newVolumes(n)
	n.publisher = publish.New(publish.Config{
		Classes: n, Providers: n, Sightings: n, Recorder: n, Clock: n.clock, Interval: s.config.Interval,
		Beat:    n.clock.Now().Add(-time.Duration(n.chance.Float64() * float64(24*time.Hour))),
		Volumes: n.volumes,
	})
	for i := range s.config.Pods {
		n.pods = append(n.pods, newPod(n, i))
	}
	return n
}

// restartProvider is a provider that has just begun: it knows nothing.
func (n *node) restartProvider() {
	client := &http.Client{Transport: n.wire, Timeout: callPatience}
	random := rand.New(rand.NewPCG(n.chance.Uint64(), uint64(n.id)))
	var mu sync.Mutex
	n.provider.Store(azureprovider.New(azureprovider.Config{
		Tokens: token.New(token.Config{HTTP: client, Direct: client, Clock: n.clock}),
		Vaults: keyvault.New(keyvault.Config{HTTP: client, Clock: n.clock}),
		Pool: share.New(share.Config{Clock: n.clock, Rand: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		}}),
		Clock: n.clock, Cloud: n.azure.cloud(), System: "linux",
	}))
}

// Provider implements publish.Providers.
func (n *node) Provider(string) (provider.Provider, error) { return n.provider.Load(), nil }

// Class implements publish.Classes: one of each ServiceAccount.
func (n *node) Class(_ context.Context, _, name string) (secretsstore.Class, error) {
	return n.classes[name], nil
}

// classesOf are the classes of all nodes.
func classesOf(c Config) map[string]secretsstore.Class {
	var objects strings.Builder
	objects.WriteString("array:\n")
	for i := range c.Objects {
		fmt.Fprintf(&objects, "- |\n  objectName: %s\n  objectType: secret\n", objectOf(i))
	}
	all := map[string]secretsstore.Class{}
	for i := range c.Accounts {
		all[accountOf(i)] = secretsstore.Class{Spec: secretsstore.Spec{Provider: "azure", Parameters: map[string]string{
			"keyvaultName": vault, "clientID": clientOf(i), "tenantId": tenant, "objects": objects.String(),
		}}}
	}
	return all
}

// FirstSeen implements publish.Sightings.
func (n *node) FirstSeen(p secret.Pod) (time.Time, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, known := n.seen[p.UID]
	return at, known
}

// Published implements publish.Recorder.
func (n *node) Published(r publish.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.First && r.Err != nil {
		delete(n.served, r.Target)
		return
	}
	n.served[r.Target] = r.At.Add(-r.Age).Sub(n.clock.startReading())
}

// Unpublished implements publish.Recorder.
func (n *node) Unpublished(target string, err error) {
	if err == nil {
		n.Forgotten(target)
	}
}

// Forgotten implements publish.Recorder.
func (n *node) Forgotten(target string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.served, target)
}

// oldest is the greatest age of what is served.
func (n *node) oldest() time.Duration {
	now := time.Since(n.start)
	n.mu.Lock()
	defer n.mu.Unlock()
	oldest := time.Duration(0)
	for _, since := range n.served {
		oldest = max(oldest, now-since)
	}
	return oldest
}

// tokens are what the kubelet sends of an account. It asks for new ones when a fifth of their life is left, by its own
// clock.
func (n *node) tokens(account string) (secret.Value, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.clock.Now().Round(0)
	if p, kept := n.proofs[account]; kept && now.Before(p.expires.Add(-proofLife/5)) {
		return p.json.Clone(), nil
	}
	raw, expires, err := n.azure.ServiceAccountToken(namespace, account, audience, proofLife)
	if err != nil {
		return secret.Value{}, err
	}
	text, err := json.Marshal(map[string]any{audience: map[string]any{"token": raw, "expirationTimestamp": expires}})
	if err != nil {
		return secret.Value{}, err
	}
	n.proofs[account] = proof{secret.NewValue(text), expires}
	return secret.NewValue(text).Clone(), nil
}

// forgetProofs makes the kubelet ask for new tokens.
func (n *node) forgetProofs() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.proofs)
}
