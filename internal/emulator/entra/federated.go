package entra

import (
	"context"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// checkFederated verifies a foreign issuer's assertion. The credential is matched before the issuer is asked for its
// keys, so that nobody can make this server fetch an address that was not registered.
func (s *Server) checkFederated(ctx context.Context, client holder, a assertion) *refusal {
	credential, refused := client.match(a)
	if refused != nil {
		return refused
	}
	now := s.clock.Now()
	if s.delay > 0 && now.Before(credential.Created.Add(s.delay)) {
		return refuse(codeNotYetFederated, a.Issuer, a.Subject, a.audience())
	}
	if a.header.Algorithm != string(jose.RS256) {
		return refuse(codeBadJWT, "A federated assertion must be signed with RS256.")
	}
	keys, err := s.issuers.find(ctx, credential.Issuer, a.header.KeyID)
	if err != nil {
		return refuse(codeIssuerFailed, err)
	}
	if len(keys) == 0 {
		return refuse(codeAssertionKey, "The key was not found.", a.header.KeyID)
	}
	if !a.signedByAny(keys) {
		return refuse(codeAssertionKey, "The provided signature value did not match the expected signature value.", a.header.KeyID)
	}
	return a.checkTimes(now, s.leeway)
}

func (a assertion) signedByAny(keys []jose.JSONWebKey) bool {
	for _, k := range keys {
		if a.token.Claims(k.Key, new(jwt.Claims)) == nil {
			return true
		}
	}
	return false
}

// match finds the credential an assertion fits, byte for byte; otherwise it says which part none of them has. The
// issuer is looked at first, then the subject, then the audience.
func (h *holder) match(a assertion) (FederatedCredential, *refusal) {
	issuers, subjects := 0, 0
	closeSubject := false
	for _, f := range h.federated {
		if f.Issuer != a.Issuer {
			continue
		}
		issuers++
		if f.Subject != a.Subject {
			closeSubject = closeSubject || strings.EqualFold(f.Subject, a.Subject)
			continue
		}
		subjects++
		if len(a.Audience) == 1 && f.Audience == a.Audience[0] {
			return f, nil
		}
	}
	switch {
	case issuers == 0:
		return FederatedCredential{}, refuse(codeNoSuchIssuer, a.Issuer)
	case subjects > 0:
		return FederatedCredential{}, refuse(codeNoSuchAudience, a.audience())
	case closeSubject:
		return FederatedCredential{}, refuse(codeSubjectCase, a.Subject)
	}
	return FederatedCredential{}, refuse(codeNoSuchSubject, a.Subject)
}
