package entra

import (
	"net/http"
	"strings"
	"time"

	"strongroom/internal/clock"
)

// maxBody bounds a token request; the largest real ones (an assertion with a certificate chain) are a tenth of it.
const maxBody = 1 << 20

// Config shapes a Server.
type Config struct {
	// Directory says who exists. Required.
	Directory *Directory
	// Clock judges assertions and dates errors; nil is the machine's.
	Clock clock.Clock
	// Issuers fetches the keys of federated issuers. nil refuses every federated assertion with AADSTS90061: there is
	// no default, so that no test calls the internet by accident.
	Issuers *http.Client
	// Hosts are names, without port, this authority is known by beside the public login names; instance discovery
	// answers for them and for the host it is asked on, and calls any other an invalid instance.
	Hosts []string
	// PropagationDelay is how long a new federated credential is answered with AADSTS70021, as a real tenant does for
	// minutes after its creation. 0 is at once.
	PropagationDelay time.Duration
	// Leeway is by how much an assertion's times may be off. 0 is strict: a token past its expiry is refused, which
	// finds clients that send one. Real tenants forgive about five minutes.
	Leeway time.Duration
	// RefreshIn adds refresh_in, half the lifetime, to the answers.
	RefreshIn bool
}

// Server answers for the login hosts. It is safe for concurrent use.
type Server struct {
	directory *Directory
	clock     clock.Clock
	issuers   *issuerKeys
	hosts     []string
	delay     time.Duration
	leeway    time.Duration
	refreshIn bool
}

// New makes a Server; it starts nothing.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Server{
		directory: c.Directory, clock: c.Clock, issuers: newIssuerKeys(c.Issuers, c.Clock), hosts: c.Hosts,
		delay: c.PropagationDelay, leeway: c.Leeway, refreshIn: c.RefreshIn,
	}
}

// ServeHTTP routes by path. Doubled and trailing slashes and the case of the fixed parts do not matter, as on the real
// hosts; a mux would redirect, and a redirected POST loses its body.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c := s.newCall(w, r)
	tenant, endpoint := splitPath(r.URL.Path)
	switch endpoint {
	case "discovery/instance":
		s.instance(c)
	case "v2.0/.well-known/openid-configuration":
		s.openID(c, tenant, versionTwo)
	case ".well-known/openid-configuration":
		s.openID(c, tenant, versionOne)
	case "discovery/v2.0/keys", "discovery/keys":
		s.keys(c)
	case "oauth2/v2.0/token":
		s.token(c, tenant, versionTwo)
	case "oauth2/token":
		s.token(c, tenant, versionOne)
	default:
		http.NotFound(w, r)
	}
}

// splitPath gives the tenant as it was spelled and the rest in lower case.
func splitPath(path string) (tenant, endpoint string) {
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	if len(segments) == 0 {
		return "", ""
	}
	return segments[0], strings.ToLower(strings.Join(segments[1:], "/"))
}
