package entra

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"strongroom/internal/secret"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// tokenRequest is a client credentials request, parsed; what it claims is checked later.
type tokenRequest struct {
	version    version
	host       string // as the client called us; certificate assertions name it
	tenant     Tenant
	clientID   string
	secret     secret.Value
	assertion  string
	resource   string // the aud of the token
	continuous bool   // capability cp1
	challenged bool   // the claims carry a resource's challenge: the client wants a new token
}

// parse reads the form. Fields count in the body only, as on the real endpoint; a query string is tolerated.
func (s *Server) parse(c *call, tenantRef string, v version) (tokenRequest, *refusal) {
	if c.r.Method != http.MethodPost {
		return tokenRequest{}, refuse(codePostOnly, c.r.Method)
	}
	if err := c.r.ParseForm(); err != nil {
		return tokenRequest{}, refuse(codeBadRequest, "The request body cannot be read.")
	}
	form := c.r.PostForm
	switch grant := form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return tokenRequest{}, refuse(codeMissingParameter, "grant_type")
	default:
		return tokenRequest{}, refuse(codeUnknownGrant, grant)
	}
	if isADFS(tenantRef) && form.Get("resource") == "" {
		v = versionTwo // the federation service has one endpoint, which takes either parameter
	}
	tenant, ok := s.tenantOf(tenantRef)
	if !ok {
		return tokenRequest{}, refuse(codeUnknownTenant, tenantRef)
	}
	req := tokenRequest{version: v, host: c.r.Host, tenant: tenant}
	for _, step := range []func(url.Values) *refusal{
		func(f url.Values) *refusal { return req.readClient(c.r, f) },
		req.readTarget,
		req.readClaims,
	} {
		if refused := step(form); refused != nil {
			return tokenRequest{}, refused
		}
	}
	return req, nil
}

// readClient takes the client's id and credential from the body, or else from HTTP Basic.
func (q *tokenRequest) readClient(r *http.Request, form url.Values) *refusal {
	q.clientID, q.assertion = form.Get("client_id"), form.Get("client_assertion")
	q.secret = secret.NewValue([]byte(form.Get("client_secret")))
	if id, password, ok := basicAuth(r); ok && q.secret.Len() == 0 && q.assertion == "" {
		q.clientID, q.secret = id, secret.NewValue([]byte(password))
	}
	if q.clientID == "" {
		return refuse(codeMissingParameter, "client_id")
	}
	if q.assertion == "" {
		return nil
	}
	switch form.Get("client_assertion_type") {
	case assertionType:
		return nil
	case "":
		return refuse(codeMissingParameter, "client_assertion_type")
	}
	return refuse(codeBadRequest, "The 'client_assertion_type' is not supported.")
}

// basicAuth undoes the form encoding that OAuth puts inside HTTP Basic.
func basicAuth(r *http.Request) (id, password string, ok bool) {
	id, password, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	if plain, err := url.QueryUnescape(id); err == nil {
		id = plain
	}
	if plain, err := url.QueryUnescape(password); err == nil {
		password = plain
	}
	return id, password, true
}

// readTarget finds what the token is for: the resource parameter in version 1, the one scope ending in /.default in
// version 2, where SDKs add OpenID scopes that mean nothing here.
func (q *tokenRequest) readTarget(form url.Values) *refusal {
	if q.version == versionOne {
		if q.resource = form.Get("resource"); q.resource == "" {
			return refuse(codeMissingParameter, "resource")
		}
		return nil
	}
	if form.Get("resource") != "" {
		return refuse(codeResourceInV2)
	}
	scope := form.Get("scope")
	if scope == "" {
		return refuse(codeMissingParameter, "scope")
	}
	for part := range strings.FieldsSeq(scope) {
		resource, isDefault := strings.CutSuffix(part, "/.default")
		if !isDefault {
			continue
		}
		if resource == "" || q.resource != "" && q.resource != resource {
			return refuse(codeBadScope, scope)
		}
		q.resource = resource
	}
	if q.resource == "" {
		return refuse(codeScopeNotDefault, scope)
	}
	return nil
}

// readClaims looks for the client's capabilities and for a challenge handed on.
func (q *tokenRequest) readClaims(form url.Values) *refusal {
	raw := form.Get("claims")
	if raw == "" {
		return nil
	}
	var claims struct {
		AccessToken map[string]*struct {
			Values []string `json:"values"`
		} `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(raw), &claims); err != nil {
		return refuse(codeBadRequest, "The 'claims' parameter is not valid JSON.")
	}
	for name, claim := range claims.AccessToken {
		if name != "xms_cc" {
			q.challenged = true
		} else if claim != nil {
			q.continuous = slices.ContainsFunc(claim.Values, func(v string) bool { return strings.EqualFold(v, "cp1") })
		}
	}
	return nil
}
