package graph

import (
	"net/http"
	"strings"
)

// route finds what a request is about. Names of sets and actions go by no case.
func (s *Server) route(q request) *answer {
	at := func(i int) string {
		if i < len(q.path) {
			return strings.ToLower(q.path[i])
		}
		return ""
	}
	switch set := at(0); {
	case set == "applications" && at(2) == "federatedidentitycredentials":
		return s.federated(q)
	case set == "applications" && len(q.path) == 3:
		return s.passwords(q, at(2))
	case set == "applications" && len(q.path) <= 2:
		return s.applications(q)
	case set == "serviceprincipals" && len(q.path) <= 2:
		return s.principals(q)
	case set == "directoryobjects":
		return s.objects(q)
	case set == "organization" && len(q.path) == 1 && q.method == http.MethodGet:
		return s.organization(q)
	case set == "me":
		return malformed("/me request is only valid with delegated authentication flow.")
	case (set == "users" || set == "groups") && q.method == http.MethodGet:
		return s.nobody(q)
	}
	return malformed("Resource not found for the segment '%s'.", q.path[0])
}

// nobody answers for the users and groups that there are not.
func (s *Server) nobody(q request) *answer {
	if no := s.authorize(q, strings.ToLower(q.path[0])+"/read"); no != nil {
		return no
	}
	if len(q.path) == 1 {
		return all[any](q.path[0], nil)
	}
	return missing(q.path[1])
}

func unsupported(q request) *answer {
	return refuse(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target: %s.", q.method)
}

// organization is the caller's tenant.
func (s *Server) organization(q request) *answer {
	if no := s.authorize(q, "organization/read"); no != nil {
		return no
	}
	tenant, _ := s.config.Directory.Tenant(q.claims.TenantID)
	name := tenant.Domain
	if name == "" {
		name = tenant.ID
	}
	return all("organization", []map[string]any{{
		"id": tenant.ID, "displayName": name, "tenantType": "AAD",
		"verifiedDomains": []map[string]any{{"name": name, "isDefault": true, "isInitial": true, "type": "Managed"}},
	}})
}
