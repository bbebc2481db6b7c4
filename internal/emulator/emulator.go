package emulator

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/access"
	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/graph"
	"strongroom/internal/emulator/hosts"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/emulator/journal"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/pki"
	"strongroom/internal/emulator/relay"
	"strongroom/internal/emulator/tokenproxy"
)

// Record is one request in the log.
type Record = journal.Record

// Fault is one way for a service to misbehave.
type Fault = faults.Fault

// Emulator is the whole of it. Make one with New; its methods may be called at any time, by many goroutines.
type Emulator struct {
	adding    sync.Mutex // serialises Add, which makes config.Document grow
	config    Config
	listeners *listeners
	endpoints Endpoints

	authority *pki.Authority
	faults    *faults.Table
	journal   *journal.Journal
	relay     *relay.Relay

	directory *entra.Directory
	entra     *entra.Server
	issuer    *issuer.Issuer
	proxy     *tokenproxy.Proxy
	guard     *access.Guard
	vaults    *keyvault.Server
	pods      atomic.Pointer[podBindings] // never nil
	manager   *arm.Server
	graph     *graph.Server

	changed atomic.Bool // a vault was written to since the last save
}

// New checks the configuration, binds the listeners and fills the services. Nothing is served before Run; whoever never
// calls Run must call Close. Invalid with every problem of the document, Unavailable when an address is taken.
func New(c Config) (*Emulator, error) {
	if err := c.Document.Check(); err != nil {
		return nil, err
	}
	if err := c.Addresses.check(c.Document); err != nil {
		return nil, err
	}
	c.fill()
	l := unheard()
	if !c.Unheard {
		var err error
		if l, err = listen(c.Addresses, c.Document); err != nil {
			return nil, err
		}
	}
	e := &Emulator{config: c, listeners: l, endpoints: endpointsOf(l)}
	if err := e.build(); err != nil {
		_ = l.close()
		return nil, err
	}
	return e, nil
}

func (c *Config) fill() {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Records == 0 {
		c.Records = 10_000
	}
}

// build makes the services, each with its own idea of the time, and puts the document into them.
func (e *Emulator) build() error {
	stored, err := load(e.config.StateFile)
	if err != nil {
		return err
	}
	if e.authority, err = stored.authority(e.config.Clock.Now); err != nil {
		return err
	}
	e.faults = faults.NewTable(e.config.Clock)
	e.journal = journal.New(e.config.Records)
	e.relay = relay.New(relay.Config{Allow: e.plays, Dial: e.dialTLS})
	e.directory = entra.NewDirectory(entra.DirectoryConfig{Clock: e.faults.Clock(faults.Entra), Resources: e.config.Document.Resources,
		Lifetime: e.config.TokenLifetime, ContinuousLifetime: e.config.TokenLifetime})
	e.issuer = issuer.New(issuer.Config{URL: e.endpoints.Issuer, Clock: e.faults.Clock(faults.Issuer)})
	e.entra = entra.New(entra.Config{
		Directory: e.directory, Clock: e.faults.Clock(faults.Entra),
		Issuers: e.issuersClient(), Hosts: []string{hosts.Login, hosts.TokenProxy},
		PropagationDelay: e.config.Document.ResourceManager.FederatedPropagation,
	})
	clusters, err := e.clusters()
	if err != nil {
		return err
	}
	e.proxy = tokenproxy.New(tokenproxy.Config{
		URL: e.endpoints.TokenProxy, Entra: e.entra, Directory: e.directory, Tokens: clusters, Clock: e.faults.Clock(faults.TokenProxy),
	})
	takes := e.config.Document.ResourceManager
	e.manager = arm.New(arm.Config{
		Directory: e.directory, Audiences: hosts.ManagerAudiences, Authority: e.authorityFor, Clock: e.faults.Clock(faults.ARM),
		Plane: plane{e}, Issuer: e.endpoints.Issuer,
		UpdateTime: takes.UpdateTime, Propagation: takes.Propagation, RolePropagation: takes.RolePropagation,
		FederatedWrite: takes.FederatedWrite, Limits: takes.Limits,
	})
	e.guard = access.New(access.Config{Tokens: e.directory, Roles: e.manager, Authority: e.authorityFor, Clock: e.faults.Clock(faults.KeyVault)})
	e.vaults = keyvault.New(keyvault.Config{Clock: e.faults.Clock(faults.KeyVault), Guard: e.guard})
	if err := e.apply(stored); err != nil {
		return err
	}
	e.graph, err = e.newGraph()
	return err
}

// authorityFor is where a vault or resource manager sends the clients that reached it under host: public names to the public login, so that
// a client sees what it would see in Azure.
func (e *Emulator) authorityFor(host string) string {
	if login := hosts.PublicLogin(host); login != "" {
		return "https://" + login
	}
	return e.endpoints.Authority
}

// CA is the root certificate to trust, as PEM.
func (e *Emulator) CA() []byte { return e.authority.PEM() }

// Requests gives the latest requests, oldest first.
func (e *Emulator) Requests() []Record { return e.journal.Records() }

// Counts gives how many requests of each kind there were since the start or the last ResetRequests.
func (e *Emulator) Counts() map[string]int { return e.journal.Counts() }

// ResetRequests empties the log and its counts.
func (e *Emulator) ResetRequests() { e.journal.Reset() }

// SetFaults replaces the fault table; the document's own faults go with it. Invalid when one of them makes no sense,
// and then none is in force that was not before.
func (e *Emulator) SetFaults(list []Fault) error {
	for _, f := range list {
		if err := f.Check().AsError(); err != nil {
			return err
		}
	}
	e.faults.Set(list)
	return nil
}

// ServiceAccountToken mints a token as the stand-in cluster would project into a pod of that service account, and says
// when it expires.
func (e *Emulator) ServiceAccountToken(namespace, name, audience string, ttl time.Duration) (string, time.Time, error) {
	raw, expires, err := e.issuer.Mint(issuer.Account{Namespace: namespace, Name: name}, audience, ttl)
	return string(raw.Reveal()), expires, err
}

// RotateIssuer makes the stand-in cluster sign with a new key from now on. Tokens of earlier keys stay good.
func (e *Emulator) RotateIssuer() error { return e.issuer.Rotate() }

// Directory is who exists; it can be changed while the emulator runs.
func (e *Emulator) Directory() *entra.Directory { return e.directory }

// Vaults is what the vaults hold; it can be changed while the emulator runs.
func (e *Emulator) Vaults() *keyvault.Server { return e.vaults }

// RemoveVault takes a vault away, and its name with it: clients get no further than the TLS handshake, the nearest
// thing to a name that does not resolve.
func (e *Emulator) RemoveVault(name string) {
	e.manager.Vaults().Forget(name)
}

// plays reports whether a host is one the emulator answers to at this moment.
func (e *Emulator) plays(host string) bool {
	place, known := hosts.Locate(host)
	return known && (place.Service != faults.KeyVault || e.vaults.HasVault(place.Vault) && e.guard.Knows(place.Vault))
}

// locate finds the service of a request. The TLS server name decides for the token proxy, whose clients leave the Host
// header at the login host.
func locate(r *http.Request) (hosts.Place, bool) {
	if r.TLS != nil {
		if place, _ := hosts.Locate(r.TLS.ServerName); place.Service == faults.TokenProxy {
			return place, true
		}
	}
	return hosts.Locate(r.Host)
}
