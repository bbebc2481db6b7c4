package graph

import (
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
)

// Directory is who exists and whose a token is; *entra.Directory is one. Everything it gives is a copy.
type Directory interface {
	Verify(raw string) (entra.Claims, error)
	Tenant(ref string) (entra.Tenant, bool)
	Registrations
	Principals
	Credentials
}

// Registrations are the applications of a directory; ref is a client id or the object id of a registration.
type Registrations interface {
	Applications() []entra.Application
	Registration(ref string) (entra.Application, bool)
	AddApplication(entra.Application) (entra.Application, error)
	Unregister(ref string) bool
	Rename(ref, name string) error
	SetIdentifierURIs(ref string, uris []string) error
}

// Principals are who a token may be for.
type Principals interface {
	Identities() []entra.Identity
	Enroll(ref string) (entra.Principal, error)
	Withdraw(ref string) error
}

// Credentials are how an application proves itself; ref is its client id.
type Credentials interface {
	AddSecret(ref string, s entra.ClientSecret) error
	RemoveSecret(ref, keyID string) error
	SetCertificates(ref string, list []entra.ClientCertificate) error
	AddFederated(ref string, f entra.FederatedCredential) error
	PutFederated(ref string, f entra.FederatedCredential) (isNew bool, err error)
	RemoveFederated(ref, name string) error
}

// Config shapes a Server. Directory and Audiences are required.
type Config struct {
	Directory Directory
	// Audiences is what a token for Graph at host may be for, without trailing slashes.
	Audiences func(host string) []string
	// Clock dates what is made and judges tokens; nil is the machine's.
	Clock clock.Clock
	// Rights are who may do what; nobody else may do anything.
	Rights []Right
}

// Server is the Graph. It is safe for concurrent use.
type Server struct{ config Config }

// New makes a Server.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Server{c}
}

func (s *Server) now() time.Time { return s.config.Clock.Now().UTC() }
