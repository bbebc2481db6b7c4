package entra

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// answerTwo is version 2.0's answer; numbers are numbers.
type answerTwo struct {
	Type        string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	ExtendedIn  int64  `json:"ext_expires_in"`
	RefreshIn   int64  `json:"refresh_in,omitempty"`
	AccessToken string `json:"access_token"`
}

// answerOne is version 1.0's answer; everything is a string.
type answerOne struct {
	Type        string `json:"token_type"`
	ExpiresIn   string `json:"expires_in"`
	ExtendedIn  string `json:"ext_expires_in"`
	RefreshIn   string `json:"refresh_in,omitempty"`
	ExpiresOn   string `json:"expires_on"`
	NotBefore   string `json:"not_before"`
	Resource    string `json:"resource"`
	AccessToken string `json:"access_token"`
}

func (s *Server) token(c *call, tenantRef string, v version) {
	req, refused := s.parse(c, tenantRef, v)
	if refused != nil {
		c.refuse(refused)
		return
	}
	token, refused := s.exchange(c.r.Context(), req)
	if refused != nil {
		c.refuse(refused)
		return
	}
	c.answer(http.StatusOK, s.body(req.version, token, c.now))
}

// exchange is the checklist of a token request: who, with what proof, for what, and may they.
func (s *Server) exchange(ctx context.Context, req tokenRequest) (Token, *refusal) {
	client, ok := s.directory.client(req.tenant.ID, req.clientID)
	if !ok {
		return Token{}, refuse(codeUnknownApplication, req.clientID, req.tenant.name())
	}
	proof, refused := s.authenticate(ctx, req, client)
	if refused != nil {
		return Token{}, refused
	}
	if client.unenrolled {
		return Token{}, refuse(codeNoPrincipal, req.clientID, req.tenant.ID)
	}
	if client.blocked {
		return Token{}, refuse(codeBlocked)
	}
	token, err := s.directory.Issue(client.ObjectID, req.resource, Grant{
		Proof: proof, Continuous: req.continuous, Fresh: req.challenged,
	})
	switch {
	case errors.Is(err, UnknownResource):
		return Token{}, refuse(codeUnknownResource, req.resource, req.tenant.name())
	case errors.Is(err, UnknownObject): // removed while we looked
		return Token{}, refuse(codeUnknownApplication, req.clientID, req.tenant.name())
	case err != nil:
		return Token{}, refuse(codeTransient)
	}
	return token, nil
}

// authenticate checks the credential that was sent. An assertion made by the client itself is signed with its
// certificate; one by anybody else is a federated issuer's.
func (s *Server) authenticate(ctx context.Context, req tokenRequest, client holder) (Proof, *refusal) {
	if req.assertion == "" {
		return BySecret, client.checkSecret(req, s.clock.Now())
	}
	a, refused := parseAssertion(req.assertion)
	if refused != nil {
		return "", refused
	}
	if equalID(a.Issuer, client.ClientID) {
		return ByAssertion, s.checkCertificate(req, client, a)
	}
	return ByAssertion, s.checkFederated(ctx, client, a)
}

func (h *holder) checkSecret(req tokenRequest, now time.Time) *refusal {
	if req.secret.Len() == 0 {
		return refuse(codeNoCredential)
	}
	expired := false
	for _, s := range h.secrets {
		if !s.Value.Equal(req.secret) {
			continue
		}
		if s.Expires.IsZero() || now.Before(s.Expires) {
			return nil
		}
		expired = true
	}
	if expired {
		return refuse(codeExpiredSecret, h.ClientID)
	}
	return refuse(codeWrongSecret, h.ClientID)
}

func (s *Server) body(v version, t Token, now time.Time) any {
	left := t.ExpiresOn.Unix() - now.Unix()
	refresh := int64(0)
	if s.refreshIn {
		refresh = left / 2
	}
	if v == versionTwo {
		return answerTwo{"Bearer", left, left, refresh, string(t.Value.Reveal())}
	}
	one := answerOne{
		Type: "Bearer", ExpiresIn: decimal(left), ExtendedIn: decimal(left), ExpiresOn: decimal(t.ExpiresOn.Unix()),
		NotBefore: decimal(t.NotBefore.Unix()), Resource: t.Resource, AccessToken: string(t.Value.Reveal()),
	}
	if refresh > 0 {
		one.RefreshIn = decimal(refresh)
	}
	return one
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// name is how messages call a tenant.
func (t Tenant) name() string {
	if t.Domain != "" {
		return t.Domain
	}
	return t.ID
}
