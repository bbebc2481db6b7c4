// Package issuer stands in for a cluster's service account token issuer: it mints tokens shaped like those the kubelet
// projects into pods, and publishes the keys to check them with, as a cluster with a public OpenID issuer does. The
// emulator uses it because a demo on a laptop has no cluster; it plays the API server's part and nothing else of
// Kubernetes. Minting is for whoever holds the Go value or the emulator's control endpoint: over its own door it only
// publishes.
//
// It never checks that an account or pod exists. Nothing in it fails but for want of randomness.
package issuer

import (
	"net/http"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"strongroom/internal/clock"
)

// Config shapes an Issuer.
type Config struct {
	// URL is the issuer as it stands in tokens, e.g. https://issuer.azure.localhost:41233, https as Entra demands it.
	// A path is kept, and so is a trailing slash: both count when a federated credential is compared.
	URL string
	// Clock dates tokens; nil is the machine's.
	Clock clock.Clock
}

// Issuer signs service account tokens and publishes the keys. It is safe for concurrent use.
type Issuer struct {
	url   string
	clock clock.Clock

	mu   sync.Mutex
	keys []*signingKey // newest first; all of them stay published
}

// New makes an Issuer; its first key is generated when first needed.
func New(c Config) *Issuer {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Issuer{url: c.URL, clock: c.Clock}
}

// URL is the issuer as it stands in tokens.
func (i *Issuer) URL() string { return i.url }

// Rotate makes a new signing key; tokens of earlier keys stay good, and those keys stay published.
func (i *Issuer) Rotate() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.rotateLocked()
}

func (i *Issuer) rotateLocked() error {
	key, err := newSigningKey()
	if err != nil {
		return err
	}
	i.keys = append([]*signingKey{key}, i.keys...)
	return nil
}

// current is the key to sign with.
func (i *Issuer) current() (*signingKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.keys) == 0 {
		if err := i.rotateLocked(); err != nil {
			return nil, err
		}
	}
	return i.keys[0], nil
}

// Keys is the published key set, newest first. Internal when no key can be generated.
func (i *Issuer) Keys() (jose.JSONWebKeySet, error) {
	if _, err := i.current(); err != nil {
		return jose.JSONWebKeySet{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for _, k := range i.keys {
		set.Keys = append(set.Keys, k.public)
	}
	return set, nil
}

// ServeHTTP answers the OpenID document and the keys at the paths an API server has them, under any prefix, because
// the URL may carry one.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := strings.TrimRight(r.URL.Path, "/"); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case strings.HasSuffix(path, discoveryPath):
		writeJSON(w, "application/json", i.document())
	case strings.HasSuffix(path, keysPath):
		i.serveKeys(w)
	default:
		http.NotFound(w, r)
	}
}
