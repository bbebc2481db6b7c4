package graph

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/form"
)

// largestBody is more than an application with every certificate it may have.
const largestBody = 1 << 20

// request is an authenticated one, parsed.
type request struct {
	method string
	path   []string // without the version
	byApp  bool     // the second segment is a client id, and not an object id
	filter string
	claims entra.Claims
	body   []byte
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, no := s.parse(w, r)
	if no == nil {
		no = s.route(q)
	}
	no.write(w, r, s.now())
}

func (s *Server) parse(w http.ResponseWriter, r *http.Request) (q request, no *answer) {
	q = request{method: r.Method, filter: r.URL.Query().Get("$filter")}
	if q.claims, no = s.authenticate(r); no != nil {
		return q, no
	}
	segments := strings.FieldsFunc(r.URL.Path, func(c rune) bool { return c == '/' })
	if versionOf(r.URL.Path) == "" || len(segments) < 2 {
		return q, malformed("Invalid version: %s", r.URL.Path)
	}
	q.path, q.byApp = byKey(segments[1:])
	var err error
	if q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody)); err != nil {
		return q, malformed("Unable to read JSON request payload.")
	}
	return q, nil
}

func versionOf(path string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	if first == "v1.0" || first == "beta" {
		return first
	}
	return ""
}

var keyForm = form.New(`^(\w+)\(appId='([^']*)'\)$`)

// byKey turns applications(appId='x') into two segments, and says that it did.
func byKey(segments []string) ([]string, bool) {
	if m := keyForm.FindStringSubmatch(segments[0]); m != nil {
		return slices.Concat(m[1:], segments[1:]), true
	}
	return segments, false
}

// names reports whether the path's second segment is this object id, or this client id where it is one.
func (q request) names(objectID, clientID string) bool {
	if q.byApp {
		return strings.EqualFold(q.path[1], clientID)
	}
	return strings.EqualFold(q.path[1], objectID)
}

// authenticate takes a token that the directory signed, in time and for Graph.
func (s *Server) authenticate(r *http.Request) (entra.Claims, *answer) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return entra.Claims{}, unauthorized("Access token is empty.")
	}
	claims, err := s.config.Directory.Verify(strings.TrimSpace(raw))
	switch {
	case claims.ObjectID == "":
		return entra.Claims{}, unauthorized("Access token validation failure.")
	case err != nil || !s.now().Before(claims.Expires):
		return entra.Claims{}, unauthorized("Lifetime validation failed, the token is expired.")
	case !slices.Contains(s.config.Audiences(r.Host), strings.ToLower(strings.TrimRight(claims.Audience, "/"))):
		return entra.Claims{}, unauthorized("Access token validation failure. Invalid audience.")
	}
	return claims, nil
}

func unauthorized(text string) *answer {
	return refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "%s", text)
}

// authorize refuses a caller without a directory role for the action.
func (s *Server) authorize(q request, action string) *answer {
	if s.may(q.claims.ObjectID, "microsoft.directory/"+action) {
		return nil
	}
	return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// read decodes the body; what is in it but not known here is let pass, for Graph's objects have many properties.
func (q request) read(into any) *answer {
	if err := json.Unmarshal(q.body, into); err != nil {
		return malformed("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}
