package graph

import (
	"net/http"
	"slices"
	"strings"
)

// objects answers what object ids stand for: directoryObjects/getByIds, and directoryObjects/{id}.
func (s *Server) objects(q request) *answer {
	if no := s.authorize(q, "directoryObjects/read"); no != nil {
		return no
	}
	if len(q.path) == 2 && q.method == http.MethodPost && strings.EqualFold(q.path[1], "getByIds") {
		var asked struct {
			IDs   []string `json:"ids"`
			Types []string `json:"types"`
		}
		if no := q.read(&asked); no != nil {
			return no
		}
		return all("directoryObjects", s.named(q, asked.IDs, asked.Types))
	}
	if len(q.path) == 2 && q.method == http.MethodGet {
		if found := s.named(q, q.path[1:], nil); len(found) == 1 {
			return one(http.StatusOK, "directoryObjects", found[0])
		}
		return missing(q.path[1])
	}
	return unsupported(q)
}

// named lists the objects of those ids and types; no types is every type. Ids of nobody are passed over.
func (s *Server) named(q request, ids, types []string) (found []any) {
	wanted := func(kind, id string) bool {
		same := func(one string) bool { return strings.EqualFold(one, id) }
		return slices.ContainsFunc(ids, same) && (len(types) == 0 || slices.Contains(types, kind))
	}
	for _, p := range s.everybody(q) {
		if wanted("servicePrincipal", p.ID) {
			p.Type = "#microsoft.graph.servicePrincipal"
			found = append(found, p)
		}
	}
	for _, a := range s.config.Directory.Applications() {
		if a.TenantID == q.claims.TenantID && wanted("application", a.RegistrationID) {
			body := s.shownApplication(a)
			body.Type = "#microsoft.graph.application"
			found = append(found, body)
		}
	}
	return found
}
