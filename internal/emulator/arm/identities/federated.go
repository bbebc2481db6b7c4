package identities

import (
	"net/http"
	"strconv"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// most is how many credentials an identity may have.
const most = 20

type credentialBody struct {
	ID         string               `json:"id"`
	Name       string               `json:"name"`
	Type       string               `json:"type"`
	Properties credentialProperties `json:"properties"`
}

type credentialProperties struct {
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

func credentialOf(i entra.Identity, f entra.FederatedCredential) credentialBody {
	return credentialBody{
		ID: i.ResourceID + "/" + federatedWord + "/" + f.Name, Name: f.Name, Type: identityType + "/" + federatedWord,
		Properties: credentialProperties{Issuer: f.Issuer, Subject: f.Subject, Audiences: []string{f.Audience}},
	}
}

// credentials answers for the credentials of an identity, or one of them.
func (s *Server) credentials(q wire.Request) *wire.Answer {
	identity, there := s.find(q.Path)
	name := q.Path.At(3)
	if !there {
		return wire.NoSuchResource(identityType, q.Path.At(1), q.Path.Group)
	}
	switch {
	case name == "":
		return pages(q, identity)
	case q.Method == http.MethodPut:
		return s.putCredential(q, identity, name)
	case q.Method == http.MethodDelete:
		return s.removeCredential(q, identity, name)
	}
	for _, f := range identity.Federated {
		if strings.EqualFold(f.Name, name) {
			return wire.OK(credentialOf(identity, f))
		}
	}
	return wire.NotFound("NotFound", "The Federated Identity Credential '%s' for resource '%s' was not found.", name, identity.ResourceID)
}

// pages is the list, in pages of $top if a client wants them small. The token that leads on is how many were shown.
func pages(q wire.Request, identity entra.Identity) *wire.Answer {
	from, _ := strconv.Atoi(q.Query.Get("$skiptoken"))
	top, _ := strconv.Atoi(q.Query.Get("$top"))
	all := identity.Federated[min(max(from, 0), len(identity.Federated)):]
	if top <= 0 || top > len(all) {
		top = len(all)
	}
	list := []credentialBody{}
	for _, f := range all[:top] {
		list = append(list, credentialOf(identity, f))
	}
	page := map[string]any{"value": list}
	if top < len(all) {
		page["nextLink"] = "https://" + q.Host + identity.ResourceID + "/" + federatedWord + "?api-version=" + q.Version +
			"&$top=" + strconv.Itoa(top) + "&$skiptoken=" + strconv.Itoa(from+top)
	}
	return wire.OK(page)
}

// putCredential makes a credential or replaces the one of that name. It counts for tokens at once, unless the authority
// was told to need some time.
func (s *Server) putCredential(q wire.Request, identity entra.Identity, name string) *wire.Answer {
	var body struct {
		Properties *credentialProperties `json:"properties"`
	}
	if no := q.Read(&body); no != nil {
		return no
	}
	if body.Properties == nil {
		return wire.Refuse(http.StatusBadRequest, "BadRequest", "Federated Identity Credential from HTTP body has empty properties.")
	}
	if no := objection(identity, name, *body.Properties); no != nil {
		return no
	}
	if no := s.busy(q, identity); no != nil {
		return no
	}
	made := entra.FederatedCredential{Name: name, Issuer: body.Properties.Issuer, Subject: body.Properties.Subject, Audience: body.Properties.Audiences[0]}
	isNew, err := s.config.Directory.PutFederated(identity.ObjectID, made)
	if err != nil {
		return wire.Refuse(http.StatusBadRequest, "BadRequest", "The Federated Identity Credential '%s' is not valid: %v.", name, err)
	}
	return wire.Created(isNew, credentialOf(identity, made))
}

// objection is what can be said against a credential beforehand, in the words clients know.
func objection(identity entra.Identity, name string, want credentialProperties) *wire.Answer {
	bad := func(format string, args ...any) *wire.Answer {
		return wire.Refuse(http.StatusBadRequest, "BadRequest", format, args...)
	}
	if len(want.Audiences) != 1 {
		return bad("Federated identity credentials must have exactly one audience.")
	}
	replaces := false
	for _, have := range identity.Federated {
		switch {
		case have.Name == name:
			replaces = true
		case have.Issuer == want.Issuer && have.Subject == want.Subject:
			return bad("Issuer and subject combination already exists for this Managed Identity.")
		}
	}
	if !replaces && len(identity.Federated) >= most {
		return bad("Too many Federated Identity Credentials for this Managed Identity: the limit is %d.", most)
	}
	return nil
}

func (s *Server) removeCredential(q wire.Request, identity entra.Identity, name string) *wire.Answer {
	if no := s.busy(q, identity); no != nil {
		return no
	}
	return wire.Gone(s.config.Directory.RemoveFederated(identity.ObjectID, name) == nil)
}

// busy refuses a write while another one of the same identity is under way, and else begins one.
func (s *Server) busy(q wire.Request, identity entra.Identity) *wire.Answer {
	last, written := s.written[identity.ObjectID]
	if written && q.Now.Before(last.Add(s.config.Busy)) {
		return wire.Refuse(http.StatusConflict, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
			"Too many Federated Identity Credentials are written concurrently for the managed identity '%s'. "+
				"Concurrent Federated Identity Credentials writes under the same managed identity are not supported.", identity.ResourceID)
	}
	s.written[identity.ObjectID] = q.Now
	return nil
}
