// Package tokenproxy is the identity-binding token proxy of an AKS cluster: a front for Entra that takes service
// account tokens of audience api://AKSIdentityBinding. Whether an account may use an identity is said by a Binding on
// the cluster's side, so that an identity needs one federated credential however many clusters and accounts use it.
//
// A token request keeps its path and query; only the assertion in its form is replaced, by one the proxy makes for the
// bound identity and whose keys it publishes under its own URL. Entra then answers as it would anyone. Everything that
// is no token request goes through untouched.
//
// It takes no other credential: a client secret sent here is refused, not passed on. What the account may not do is
// refused by the proxy itself, with 401 for a bad token and 403 for a missing binding, in OAuth's error format; the
// real proxy's wording is not known.
//
// SDKs reach it by address and server name alone and leave the Host header at the login host, so whoever routes
// connections must tell it by the TLS server name.
package tokenproxy

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/issuer"
)

// Audience is what a service account token must be for, to be taken here.
const Audience = "api://AKSIdentityBinding"

// exchangeAudience is what the proxy's own assertions are for: Entra's rule for federated credentials.
const exchangeAudience = "api://AzureADTokenExchange"

// issuerPath is where, under the proxy's URL, the issuer of its assertions lives. No tenant can have that name.
const issuerPath = "/identity-bindings"

// Reviewer tells whose a service account token is, or refuses it. *issuer.Issuer is one, *issuer.Clusters another.
type Reviewer interface {
	Review(raw, audience string) (issuer.Account, error)
}

// Config shapes a Proxy.
type Config struct {
	// URL is the proxy's own origin, https, without trailing slash. The client Entra fetches issuers' keys with must
	// reach it.
	URL string
	// Entra answers what is passed on. Required.
	Entra http.Handler
	// Directory holds the identities that bindings name. Required.
	Directory *entra.Directory
	// Tokens reviews the service account tokens that are presented. Required.
	Tokens Reviewer
	// Clock dates assertions; nil is the machine's.
	Clock clock.Clock
}

// Proxy is the front. It is safe for concurrent use.
type Proxy struct {
	entra     http.Handler
	directory *entra.Directory
	tokens    Reviewer
	issuer    *issuer.Issuer

	mu       sync.RWMutex
	bindings []Binding
}

// assertionLife is how long the proxy's own assertions are good; they are used at once.
const assertionLife = 5 * time.Minute

// New makes a Proxy; it starts nothing.
func New(c Config) *Proxy {
	return &Proxy{
		entra: c.Entra, directory: c.Directory, tokens: c.Tokens,
		issuer: issuer.New(issuer.Config{URL: strings.TrimRight(c.URL, "/") + issuerPath, Clock: c.Clock}),
	}
}

// ServeHTTP takes token requests in hand, publishes the proxy's keys, and passes everything else on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := strings.TrimRight(r.URL.Path, "/"); {
	case strings.HasPrefix(path, issuerPath+"/"):
		p.issuer.ServeHTTP(w, r)
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/token"):
		p.exchange(w, r)
	default:
		p.entra.ServeHTTP(w, r)
	}
}
