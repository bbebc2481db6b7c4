// Package imds plays the identity part of a node's instance metadata service: the one place a managed identity's token
// comes from. Each Server is the view of one node, with that node's own system-assigned and user-assigned identities.
//
// It is plain HTTP and asks for no credential, exactly as the real one; what protects both is that only the node can
// reach them. The emulator binds it to loopback and nothing else by default, and the Metadata header keeps browsers out.
// It never forwards anything to a real metadata address.
package imds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
)

// tokenPath is the path of the token endpoint; a trailing slash is taken too, as one SDK sends it.
const tokenPath = "/metadata/identity/oauth2/token"

// Tokens signs an access token for a principal; *entra.Directory is one.
type Tokens interface {
	Issue(objectID, resource string, g entra.Grant) (entra.Token, error)
}

// Assigned is what a node has. The zero value has nothing, and is told so.
type Assigned struct {
	System *entra.Principal // nil when none is enabled
	User   []entra.Principal
}

// Config shapes a Server. Assigned and Tokens are required.
type Config struct {
	// Assigned is asked on every request, so that an assignment takes effect at once.
	Assigned func() Assigned
	Tokens   Tokens
	// Clock computes expires_in; nil is the machine's.
	Clock clock.Clock
}

// Server answers one node's requests.
type Server struct{ config Config }

// New makes a Server; it starts nothing.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Server{config: c}
}

// ServeHTTP checks in the order a careless client is told about first what it got wrong first.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if problem := checkHeaders(r); problem != nil {
		problem.write(w)
		return
	}
	if path.Clean("/"+r.URL.Path) != tokenPath {
		refuse(http.StatusNotFound, "not_found", "Not found").write(w)
		return
	}
	query, problem := parseQuery(r)
	if problem != nil {
		problem.write(w)
		return
	}
	principal, problem := choose(s.config.Assigned(), query.selector)
	if problem != nil {
		problem.write(w)
		return
	}
	token, err := s.config.Tokens.Issue(principal.ObjectID, query.resource, entra.Grant{Proof: entra.ByAssertion})
	if err != nil {
		issueProblem(err, query.resource, principal.TenantID).write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.success(token, query.resource))
}

// success spells every number as a string: that is the wire format, and typed clients depend on it.
func (s *Server) success(t entra.Token, resource string) map[string]string {
	return map[string]string{
		"access_token":  string(t.Value.Reveal()),
		"refresh_token": "",
		"client_id":     t.Principal.ClientID,
		"expires_in":    strconv.Itoa(int(t.ExpiresOn.Sub(s.config.Clock.Now()).Seconds())),
		"expires_on":    strconv.FormatInt(t.ExpiresOn.Unix(), 10),
		"not_before":    strconv.FormatInt(t.NotBefore.Unix(), 10),
		"resource":      resource,
		"token_type":    "Bearer",
	}
}

func issueProblem(err error, resource, tenant string) *problem {
	switch {
	case errors.Is(err, entra.UnknownResource):
		return refuse(http.StatusBadRequest, "invalid_resource",
			fmt.Sprintf("AADSTS500011: The resource principal named %s was not found in the tenant named %s.", resource, tenant))
	case errors.Is(err, entra.UnknownObject):
		return identityNotFound()
	}
	return refuse(http.StatusInternalServerError, "unknown", "Failed to retrieve token from the Active directory.")
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
