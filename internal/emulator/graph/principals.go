package graph

import (
	"net/http"
	"slices"
	"strings"
)

const principalSet = "servicePrincipals"

// everybody is the service principals of the caller's tenant.
func (s *Server) everybody(q request) (list []principalBody) {
	for _, a := range s.config.Directory.Applications() {
		if a.TenantID == q.claims.TenantID && !a.Unenrolled {
			list = append(list, principalOfApplication(a))
		}
	}
	for _, i := range s.config.Directory.Identities() {
		if i.TenantID == q.claims.TenantID {
			list = append(list, principalOfIdentity(i))
		}
	}
	return list
}

// principals answers for the set and for one of it.
func (s *Server) principals(q request) *answer {
	switch {
	case len(q.path) == 1 && q.method == http.MethodGet:
		return s.listPrincipals(q)
	case len(q.path) == 1 && q.method == http.MethodPost:
		return s.enroll(q)
	case len(q.path) == 2 && (q.method == http.MethodGet || q.method == http.MethodDelete):
		return s.onePrincipal(q)
	}
	return unsupported(q)
}

func (s *Server) listPrincipals(q request) *answer {
	if no := s.authorize(q, "servicePrincipals/read"); no != nil {
		return no
	}
	f, no := parseFilter(q.filter, "appId", "displayName", "id", "servicePrincipalNames", "servicePrincipalType", "alternativeNames")
	if no != nil {
		return no
	}
	list := slices.DeleteFunc(s.everybody(q), func(p principalBody) bool {
		return !f.holds(func(property string) []string {
			return map[string][]string{
				"appId": {p.AppID}, "displayName": {p.Name}, "id": {p.ID}, "servicePrincipalNames": p.Names,
				"servicePrincipalType": {p.Kind}, "alternativeNames": p.Alternatives,
			}[property]
		})
	})
	return all(principalSet, list)
}

// enroll makes the service principal of an application of this tenant.
func (s *Server) enroll(q request) *answer {
	if no := s.authorize(q, "servicePrincipals/create"); no != nil {
		return no
	}
	var wanted struct {
		AppID string `json:"appId"`
	}
	if no := q.read(&wanted); no != nil {
		return no
	}
	a, known := s.config.Directory.Registration(wanted.AppID)
	switch {
	case !known || a.TenantID != q.claims.TenantID || !strings.EqualFold(a.ClientID, wanted.AppID):
		return malformed("The appId '%s' of the service principal does not reference a valid application object.", wanted.AppID)
	case !a.Unenrolled:
		return taken("The service principal cannot be created, updated, or restored because the service principal name %s is already in use.", wanted.AppID)
	}
	if _, err := s.config.Directory.Enroll(a.ClientID); err != nil {
		return failed(err, wanted.AppID)
	}
	a, _ = s.config.Directory.Registration(a.ClientID)
	return one(http.StatusCreated, principalSet, principalOfApplication(a))
}

// onePrincipal finds one by object id, or by client id where the path says so. That of a managed identity goes with the
// identity, and is refused.
func (s *Server) onePrincipal(q request) *answer {
	action := "servicePrincipals/read"
	if q.method == http.MethodDelete {
		action = "servicePrincipals/delete"
	}
	if no := s.authorize(q, action); no != nil {
		return no
	}
	list := s.everybody(q)
	at := slices.IndexFunc(list, func(p principalBody) bool { return q.names(p.ID, p.AppID) })
	switch {
	case at < 0:
		return missing(q.path[1])
	case q.method == http.MethodGet:
		return one(http.StatusOK, principalSet, list[at])
	case list[at].Kind == "ManagedIdentity":
		return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Managed identities are deleted with their resource.")
	}
	if err := s.config.Directory.Withdraw(list[at].AppID); err != nil {
		return failed(err, q.path[1])
	}
	return done()
}
