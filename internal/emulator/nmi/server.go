// Package nmi stands in for the host endpoint of pod identity's node daemon: whoever is on the node may ask it, in a
// pod's name, for a token of the identity that pod is bound to. The volume plugins did that. It is a stand-in for demos
// and tests: bindings come from the emulator's state and not from a cluster, and a pod that is not bound is refused at
// once, where the real one waits for a minute and more.
//
// It answers loopback callers only, since its callers are believed.
package nmi

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
)

// Tokens signs an access token for a principal; *entra.Directory is one.
type Tokens interface {
	Issue(objectID, resource string, g entra.Grant) (entra.Token, error)
}

// Config shapes a Server. Bound and Tokens are required.
type Config struct {
	// Bound gives the identities a pod may use, the preferred one first; none when it is not bound.
	Bound  func(namespace, pod string) []entra.Principal
	Tokens Tokens
	// Clock computes expires_in; nil is the machine's.
	Clock clock.Clock
}

// Server answers the host endpoint.
type Server struct{ config Config }

// New makes a Server; it starts nothing.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Server{config: c}
}

// answer is the success body: the token as the metadata service spells it, and whose it is.
type answer struct {
	Token    map[string]string `json:"token"`
	ClientID string            `json:"clientid"`
}

// ServeHTTP answers GET /host/token[/]?resource=... with headers podns and podname.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	namespace, pod := r.Header.Get("podns"), r.Header.Get("podname")
	resource := r.URL.Query().Get("resource")
	switch {
	case path.Clean("/"+r.URL.Path) != "/host/token":
		http.Error(w, "Not found", http.StatusNotFound)
	case r.Method != http.MethodGet:
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
	case namespace == "" || pod == "":
		http.Error(w, "missing 'podname' and 'podns' from request header", http.StatusBadRequest)
	case !fromLoopback(r):
		http.Error(w, "request remote address is not from a host", http.StatusInternalServerError)
	case resource == "":
		http.Error(w, "parameter resource cannot be empty", http.StatusBadRequest)
	default:
		s.answer(w, r, namespace, pod, resource)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, namespace, pod, resource string) {
	principal, bound := s.identity(r, namespace, pod)
	if !bound {
		http.Error(w, fmt.Sprintf(unbound, namespace, pod), http.StatusNotFound)
		return
	}
	token, err := s.config.Tokens.Issue(principal.ObjectID, resource, entra.Grant{Proof: entra.ByAssertion})
	if err != nil {
		http.Error(w, "failed to get service principal token for pod:"+namespace+"/"+pod, http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer{s.fields(token, resource), principal.ClientID})
}

// unbound begins with the text people know from the daemon and search for.
const unbound = "getting assigned identities for pod %s/%s in CREATED state failed after 1 attempts, retry duration [0]s, " +
	"error: no identity is bound to the pod. Check MIC pod logs for identity assignment errors"

// identity is the bound identity the request names, or the first when it names none.
func (s *Server) identity(r *http.Request, namespace, pod string) (entra.Principal, bool) {
	query := r.URL.Query()
	client, resourceID := query.Get("client_id"), query.Get("msi_res_id")
	if resourceID == "" {
		resourceID = query.Get("mi_res_id")
	}
	for _, p := range s.config.Bound(namespace, pod) {
		unnamed := client == "" && resourceID == ""
		if unnamed || same(p.ClientID, client) || same(p.ResourceID, resourceID) {
			return p, true
		}
	}
	return entra.Principal{}, false
}

func same(have, want string) bool { return want != "" && strings.EqualFold(have, want) }

func (s *Server) fields(t entra.Token, resource string) map[string]string {
	return map[string]string{
		"access_token":  string(t.Value.Reveal()),
		"refresh_token": "",
		"expires_in":    strconv.Itoa(int(t.ExpiresOn.Sub(s.config.Clock.Now()).Seconds())),
		"expires_on":    strconv.FormatInt(t.ExpiresOn.Unix(), 10),
		"not_before":    strconv.FormatInt(t.NotBefore.Unix(), 10),
		"resource":      resource,
		"token_type":    "Bearer",
	}
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
