// Package transport makes the HTTP clients Azure is spoken to with, once per process: which certificates are trusted,
// which proxy is asked, how long anything may take and how much of an answer is read. It also holds the few words every
// caller of an Azure service needs: how long a server asked to wait, what of its message may be repeated, and the fault
// of a call that got no answer. It knows nothing of tokens or vaults.
//
// What its clients never do: follow a redirect (a bearer token would go along), speak TLS below 1.2, read the
// environment, ask for compressed answers (a small body could unpack to a huge one), or wait without an end.
//
// When the world fails they say so at once and once: there are no retries here.
package transport

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom/internal/fault"

	"golang.org/x/net/http/httpproxy"
)

// Config says how Azure is reached. The zero value trusts the system's certificates and uses no proxy.
type Config struct {
	// CA holds certificates in PEM that are trusted besides the system's: an operator's bundle, an emulator's
	// authority. Empty adds none. Whoever can write this can read every secret.
	CA []byte
	// CAOnly trusts CA alone and not the system's certificates. With an empty CA it is an error.
	CAOnly bool
	// HTTPSProxy is the proxy for https addresses as HTTPS_PROXY is spelled: a URL, or host:port. Empty is none. It may
	// hold a password and is never repeated in an error.
	HTTPSProxy string
	// NoProxy lists the hosts that are reached directly, as NO_PROXY is spelled.
	NoProxy string
	// ServerName replaces the host's name in the TLS handshake and in the check of the certificate, for a client that
	// speaks to one server under another name. Empty keeps the host's.
	ServerName string
	// DialTimeout bounds connecting and TLS handshake together; 0 is 10 s.
	DialTimeout time.Duration
	// HeaderTimeout bounds the wait for an answer's headers; 0 is 20 s.
	HeaderTimeout time.Duration
	// Timeout bounds a whole call with its body; 0 is 30 s. The caller's context may end it earlier.
	Timeout time.Duration
	// DirectTimeout takes the place of Timeout and HeaderTimeout for the Direct client; 0 is 110 s, because NMI holds a
	// request back while an identity is being assigned.
	DirectTimeout time.Duration
}

// Clients are the two ways out of a process. Both are safe for concurrent use and meant to live as long as the process:
// connections are pooled in them.
type Clients struct {
	// Azure is for public names: through the proxy when one applies.
	Azure *http.Client
	// Direct is for the node's own addresses (IMDS, NMI): never through a proxy.
	Direct *http.Client

	azure  *opener
	direct *opener
}

// New builds the clients. It connects to nothing. Errors are of kind Invalid and name the field.
func New(c Config) (*Clients, error) {
	c = c.withDefaults()
	settings, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	proxy, err := c.proxyFunc()
	if err != nil {
		return nil, err
	}
	azure := newOpener(c, settings, proxy)
	patient := c
	patient.HeaderTimeout = c.DirectTimeout
	direct := newOpener(patient, settings, nil)
	return &Clients{
		Azure:  client(azure, c.Timeout),
		Direct: client(direct, c.DirectTimeout),
		azure:  azure,
		direct: direct,
	}, nil
}

// Warm opens a connection to an https address ahead of its first request, so that connecting to a vault can run beside
// the request for its token. It sends no request, returns when the connection stands or ctx ends, and does nothing when
// one is open already or a proxy applies. A failure is not reported: the request that follows will meet it too.
func (c *Clients) Warm(ctx context.Context, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return
	}
	c.azure.warm(ctx, u)
}

// Close ends the connections nobody uses.
func (c *Clients) Close() {
	c.azure.close()
	c.direct.close()
}

func client(o *opener, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: o,
		Timeout:   timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.DialTimeout, 10 * time.Second}, {&c.HeaderTimeout, 20 * time.Second}, {&c.Timeout, 30 * time.Second}, {&c.DirectTimeout, 110 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return c
}

// proxyFunc is nil without a proxy. The address is checked here because httpproxy takes one it cannot read for none, and
// requests that were to go through a proxy would go around it.
func (c Config) proxyFunc() (func(*url.URL) (*url.URL, error), error) {
	if c.HTTPSProxy == "" {
		return nil, nil
	}
	address := c.HTTPSProxy
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	if !usable(address) {
		// Without a cause: it would repeat the address with its password.
		return nil, fault.New(fault.Invalid, "HTTPS proxy", "is neither a URL (http, https or socks5) nor host:port").
			Mend("give it as http://host:port, special characters of a password percent-encoded")
	}
	return (&httpproxy.Config{HTTPSProxy: c.HTTPSProxy, NoProxy: c.NoProxy}).ProxyFunc(), nil
}

func usable(proxy string) bool {
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "socks5"
}
