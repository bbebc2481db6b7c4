package graph

import (
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/entra"
)

const federatedSet = "applications/federatedIdentityCredentials"

// federatedBody is a federated credential as it is sent and read. Its id is its name's: unique within the application.
type federatedBody struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Issuer      string   `json:"issuer"`
	Subject     string   `json:"subject"`
	Description string   `json:"description"`
	Audiences   []string `json:"audiences"`
}

func shownFederated(a entra.Application, f entra.FederatedCredential) federatedBody {
	return federatedBody{
		ID: entra.DeriveID("federated", a.ClientID, f.Name), Name: f.Name, Issuer: f.Issuer, Subject: f.Subject,
		Description: f.Description, Audiences: []string{f.Audience},
	}
}

// federated answers for an application's federated credentials and for one of them, by id or name.
func (s *Server) federated(q request) *answer {
	action := "credentials/update"
	if q.method == http.MethodGet {
		action = "credentials/read"
	}
	a, no := s.application(q, action)
	switch {
	case no != nil:
		return no
	case len(q.path) == 3 && q.method == http.MethodGet:
		var list []federatedBody
		for _, f := range a.Federated {
			list = append(list, shownFederated(a, f))
		}
		return all(federatedSet, list)
	case len(q.path) == 3 && q.method == http.MethodPost:
		return s.trust(q, a)
	case len(q.path) == 4:
		return s.oneFederated(q, a)
	}
	return unsupported(q)
}

func (s *Server) oneFederated(q request, a entra.Application) *answer {
	at := slices.IndexFunc(a.Federated, func(f entra.FederatedCredential) bool {
		return f.Name == q.path[3] || strings.EqualFold(shownFederated(a, f).ID, q.path[3])
	})
	if at < 0 {
		return missing(q.path[3])
	}
	have := a.Federated[at]
	switch q.method {
	case http.MethodGet:
		return one(http.StatusOK, federatedSet, shownFederated(a, have))
	case http.MethodDelete:
		if err := s.config.Directory.RemoveFederated(a.ClientID, have.Name); err != nil {
			return failed(err, q.path[3])
		}
		return done()
	case http.MethodPatch:
		body := shownFederated(a, have)
		wanted, no := q.federated(&body)
		if no != nil {
			return no
		}
		wanted.Name = have.Name // which nothing changes
		if _, err := s.config.Directory.PutFederated(a.ClientID, wanted); err != nil {
			return failed(err, q.path[3])
		}
		return done()
	}
	return unsupported(q)
}

// trust adds one. It counts at the next token request.
func (s *Server) trust(q request, a entra.Application) *answer {
	wanted, no := q.federated(&federatedBody{})
	if no != nil {
		return no
	}
	for _, have := range a.Federated {
		if have.Name == wanted.Name {
			return taken("FederatedIdentityCredential with name %s already exists.", wanted.Name)
		}
		if have.Issuer == wanted.Issuer && have.Subject == wanted.Subject {
			return taken("FederatedIdentityCredential with specified issuer and subject already exists.")
		}
	}
	if err := s.config.Directory.AddFederated(a.ClientID, wanted); err != nil {
		return failed(err, q.path[1])
	}
	return one(http.StatusCreated, federatedSet, shownFederated(a, wanted))
}

// federated reads a credential from the body, over what is in it already.
func (q request) federated(body *federatedBody) (entra.FederatedCredential, *answer) {
	if no := q.read(body); no != nil {
		return entra.FederatedCredential{}, no
	}
	if len(body.Audiences) != 1 {
		return entra.FederatedCredential{}, malformed("Federated identity credentials must have exactly one audience.")
	}
	return entra.FederatedCredential{
		Name: body.Name, Issuer: body.Issuer, Subject: body.Subject, Audience: body.Audiences[0], Description: body.Description,
	}, nil
}
