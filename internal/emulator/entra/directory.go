package entra

import (
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// The lifetimes a real tenant gives.
const (
	usualLifetime      = 3599 * time.Second
	continuousLifetime = 86399 * time.Second
)

// DirectoryConfig shapes a Directory.
type DirectoryConfig struct {
	// Clock dates tokens and judges expiry; nil is the machine's.
	Clock clock.Clock
	// Resources are further names tokens may be asked for, beside the well-known ones of Key Vault, ARM, Graph and
	// Storage: https URLs, api:// URIs or GUIDs. An entry without a port holds for any port; a trailing slash does not
	// matter. Anything not listed is refused with AADSTS500011.
	Resources []string
	// Lifetime is how long a token lives, in whole seconds; 0 is 3599 s. Under five minutes, SDKs do not cache it.
	Lifetime time.Duration
	// ContinuousLifetime is the same for clients with capability cp1; 0 is 86399 s.
	ContinuousLifetime time.Duration
}

// Directory holds every tenant and principal, and the key tokens are signed with. All methods may be called at once
// from several goroutines; what they return is a copy.
type Directory struct {
	clock      clock.Clock
	resources  resourceSet
	lifetime   time.Duration
	continuous time.Duration
	key        func() (*signingKey, error)

	mu      sync.RWMutex
	tenants []Tenant
	holders []*holder // in the order they were added
	recent  map[recentKey]Token
}

// NewDirectory makes an empty directory. Its signing key is generated when the first token or key set is asked for.
func NewDirectory(c DirectoryConfig) *Directory {
	d := &Directory{
		clock:      c.Clock,
		resources:  newResourceSet(c.Resources),
		lifetime:   c.Lifetime,
		continuous: c.ContinuousLifetime,
		recent:     map[recentKey]Token{},
	}
	if d.clock == nil {
		d.clock = clock.Real{}
	}
	if d.lifetime == 0 {
		d.lifetime = usualLifetime
	}
	if d.continuous == 0 {
		d.continuous = continuousLifetime
	}
	d.key = sync.OnceValues(func() (*signingKey, error) { return newSigningKey(d.clock.Now()) })
	return d
}

// AddApplication registers an application; ids left empty are derived from its name. It gives back what was stored.
// Invalid when an id is taken, no tenant fits, or a credential breaks a rule.
func (d *Directory) AddApplication(a Application) (Application, error) {
	h, err := d.add(holderOfApplication(a))
	if err != nil {
		return Application{}, err
	}
	return h.application(), nil
}

// AddIdentity registers a managed identity; as AddApplication.
func (d *Directory) AddIdentity(i Identity) (Identity, error) {
	h, err := d.add(holderOfIdentity(i))
	if err != nil {
		return Identity{}, err
	}
	return h.identity(), nil
}

// Applications lists them in the order they were added.
func (d *Directory) Applications() []Application {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []Application
	for _, h := range d.holders {
		if h.Kind == KindApplication {
			list = append(list, h.application())
		}
	}
	return list
}

// Identities lists the managed identities of both kinds in the order they were added.
func (d *Directory) Identities() []Identity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []Identity
	for _, h := range d.holders {
		if h.Kind != KindApplication {
			list = append(list, h.identity())
		}
	}
	return list
}

// Find looks a principal up by client id, object id or resource id, in any case, or else by its exact name, where
// the first added wins.
func (d *Directory) Find(ref string) (Principal, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if h := d.findLocked(ref); h != nil && !h.unenrolled {
		return h.Principal, true
	}
	return Principal{}, false
}

// Remove takes a principal and its credentials away; ref as for Find. Tokens it already has stay good until they
// expire, as in Entra. It reports whether there was one.
func (d *Directory) Remove(ref string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone := d.findLocked(ref)
	for i, h := range d.holders {
		if h == gone {
			d.holders = append(d.holders[:i:i], d.holders[i+1:]...)
			return true
		}
	}
	return false
}

func (d *Directory) add(h *holder) (*holder, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.completeLocked(h); err != nil {
		return nil, err
	}
	d.holders = append(d.holders, h)
	stored := h.copy()
	return &stored, nil
}

func (d *Directory) findLocked(ref string) *holder {
	for _, h := range d.holders {
		if h.is(ref) {
			return h
		}
	}
	for _, h := range d.holders {
		if ref != "" && h.Name == ref {
			return h
		}
	}
	return nil
}

// client is whom a token request names: an application or user-assigned identity of that very tenant.
func (d *Directory) client(tenantID, clientID string) (holder, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, h := range d.holders {
		if h.TenantID == tenantID && h.Kind != KindSystemAssigned && equalID(h.ClientID, clientID) {
			return h.copy(), true
		}
	}
	return holder{}, false
}

// change applies a change to the principal ref names, or says that there is none.
func (d *Directory) change(ref string, apply func(*holder) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.findLocked(ref)
	if h == nil {
		return fault.New(fault.NotFound, "principal "+ref, "is not in the directory")
	}
	return apply(h)
}
