package entra

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

const (
	issuerKeyLife  = 10 * time.Minute // how long fetched keys are believed without asking again
	issuerPatience = 10 * time.Second // for both requests of a fetch
	maxDocument    = 1 << 20
)

// issuerKeys fetches and keeps the keys federated issuers publish: at most one fetch per issuer at a time, and a new
// one whenever a token names a key that is not among those kept. When an issuer fails, keys already kept are used
// until they are too old; after that its tokens are refused.
type issuerKeys struct {
	client *http.Client
	clock  clock.Clock
	flight singleflight.Group

	mu   sync.Mutex
	kept map[string]keySet
}

type keySet struct {
	keys    jose.JSONWebKeySet
	fetched time.Time
}

func newIssuerKeys(client *http.Client, c clock.Clock) *issuerKeys {
	return &issuerKeys{client: client, clock: c, kept: map[string]keySet{}}
}

// find gives the issuer's keys of that id, or all of them for a token that names none. No keys and no error means that
// the issuer was asked just now and has none such.
func (k *issuerKeys) find(ctx context.Context, issuer, kid string) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	set, ok := k.kept[issuer]
	k.mu.Unlock()
	if ok && k.clock.Now().Sub(set.fetched) < issuerKeyLife {
		if keys := set.named(kid); len(keys) > 0 {
			return keys, nil
		}
	}
	set, err := k.refresh(ctx, issuer)
	return set.named(kid), err
}

func (s keySet) named(kid string) []jose.JSONWebKey {
	if kid == "" {
		return s.keys.Keys
	}
	return s.keys.Key(kid)
}

// refresh joins the fetch under way, or starts one. The fetch is not bound to the request that began it, since others
// may be waiting for it too.
func (k *issuerKeys) refresh(ctx context.Context, issuer string) (keySet, error) {
	result, err, _ := k.flight.Do(issuer, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), issuerPatience)
		defer cancel()
		keys, err := k.fetch(ctx, issuer)
		if err != nil {
			return keySet{}, err
		}
		set := keySet{keys, k.clock.Now()}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.kept[issuer] = set
		return set, nil
	})
	return result.(keySet), err
}

// fetch reads the issuer's OpenID document and then the key set it points to.
func (k *issuerKeys) fetch(ctx context.Context, issuer string) (jose.JSONWebKeySet, error) {
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURI string `json:"jwks_uri"`
	}
	var keys jose.JSONWebKeySet
	if err := k.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return keys, err
	}
	if document.Issuer != issuer {
		return keys, fault.New(fault.Invalid, "issuer "+issuer, "its OpenID document names the issuer %q", document.Issuer)
	}
	err := k.get(ctx, document.KeysURI, &keys)
	return keys, err
}

func (k *issuerKeys) get(ctx context.Context, address string, into any) error {
	if k.client == nil {
		return fault.New(fault.Unsupported, address, "no client for issuers was configured")
	}
	if !strings.HasPrefix(address, "https://") {
		return fault.New(fault.Invalid, address, "is not an https URL")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, address, "is not an address")
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, address, "cannot be reached")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, address, "answered %s", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(into); err != nil {
		return fault.Wrap(err, fault.Unavailable, address, "did not answer JSON")
	}
	return nil
}
