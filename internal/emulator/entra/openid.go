package entra

import (
	"net/http"
	"strings"
)

// openIDBody is the OpenID document: what SDKs require of it, and what real ones carry besides.
type openIDBody struct {
	TokenEndpoint         string   `json:"token_endpoint"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	KeysURI               string   `json:"jwks_uri"`
	ResponseModes         []string `json:"response_modes_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	Scopes                []string `json:"scopes_supported"`
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	Region                string   `json:"tenant_region_scope,omitempty"`
	CloudInstance         string   `json:"cloud_instance_name,omitempty"`
	GraphHost             string   `json:"msgraph_host,omitempty"`
}

// openID answers the tenant's OpenID document. Every endpoint and the version 2.0 issuer have the origin the client
// called, because SDKs reject an issuer elsewhere; the version 1.0 issuer is the one our access tokens name.
func (s *Server) openID(c *call, tenantRef string, v version) {
	if isADFS(tenantRef) {
		c.answer(http.StatusOK, s.openIDOfADFS(c.origin()))
		return
	}
	id := "{tenantid}"
	if !isShared(tenantRef) {
		tenant, ok := s.directory.Tenant(tenantRef)
		if !ok {
			s.refuseTenantDocument(c, tenantRef)
			return
		}
		id = tenant.ID
	}
	base := c.origin() + "/" + id
	if id == "{tenantid}" {
		base = c.origin() + "/" + tenantRef
	}
	body := openIDBody{
		TokenEndpoint:         base + "/oauth2/v2.0/token",
		AuthMethods:           []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		KeysURI:               base + "/discovery/v2.0/keys",
		ResponseModes:         []string{"query", "fragment", "form_post"},
		SubjectTypes:          []string{"pairwise"},
		SigningAlgorithms:     []string{"RS256"},
		ResponseTypes:         []string{"code", "id_token", "code id_token", "id_token token"},
		Scopes:                []string{"openid", "profile", "email", "offline_access"},
		Issuer:                c.origin() + "/" + id + "/v2.0",
		AuthorizationEndpoint: base + "/oauth2/v2.0/authorize",
		Region:                "EU",
		CloudInstance:         "microsoftonline.com",
		GraphHost:             "graph.microsoft.com",
	}
	if v == versionOne {
		body.TokenEndpoint = base + "/oauth2/token"
		body.AuthorizationEndpoint = base + "/oauth2/authorize"
		body.KeysURI = base + "/discovery/keys"
		body.Issuer = tokenIssuer(id)
	}
	c.answer(http.StatusOK, body)
}

// refuseTenantDocument differs from the token endpoint's refusal of the same code in the error's name alone.
func (s *Server) refuseTenantDocument(c *call, tenantRef string) {
	r := refuse(codeUnknownTenant, tenantRef)
	r.name = "invalid_tenant"
	c.refuse(r)
}

// isShared reports whether the path names no tenant but a sort of them.
func isShared(tenantRef string) bool {
	switch strings.ToLower(tenantRef) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

func (s *Server) keys(c *call) {
	set, err := s.directory.Keys()
	if err != nil {
		c.fail()
		return
	}
	c.answer(http.StatusOK, set)
}
