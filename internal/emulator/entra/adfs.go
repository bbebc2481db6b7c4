package entra

import "strings"

// adfs in a tenant's place is how a cloud without Entra names its own federation service: it knows one organisation, so
// that the path need not say which.
const adfs = "adfs"

func isADFS(tenantRef string) bool { return strings.EqualFold(tenantRef, adfs) }

// tenantOf is the tenant that a path names: by id or domain, or as adfs the directory's only one.
func (s *Server) tenantOf(ref string) (Tenant, bool) {
	if list := s.directory.Tenants(); isADFS(ref) && len(list) == 1 {
		return list[0], true
	}
	return s.directory.Tenant(ref)
}

// openIDOfADFS is the federation service's document. Everything is beneath one path, without version or tenant.
func (s *Server) openIDOfADFS(origin string) openIDBody {
	base := origin + "/" + adfs
	return openIDBody{
		TokenEndpoint: base + "/oauth2/token/", AuthorizationEndpoint: base + "/oauth2/authorize/", KeysURI: base + "/discovery/keys",
		Issuer:            base,
		AuthMethods:       []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		ResponseModes:     []string{"query", "fragment", "form_post"},
		ResponseTypes:     []string{"code", "id_token", "code id_token", "id_token token"},
		SubjectTypes:      []string{"pairwise"},
		SigningAlgorithms: []string{"RS256"},
		Scopes:            []string{"openid", "profile", "email"},
	}
}
