package arm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/internal/emulator/entra"
)

// caller is whose token came with a request.
type caller struct{ objectID, appID string }

// wireTime is how times are told in refusals of tokens.
const wireTime = "1/2/2006 3:04:05 PM"

// authenticate takes a token that the directory signed, in time by the manager's clock and for one of its audiences.
func (s *Server) authenticate(r *http.Request) (caller, *answer) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return caller{}, s.unauthorized(r.Host, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	claims, err := s.config.Directory.Verify(strings.TrimSpace(raw))
	if err != nil && !errors.Is(err, entra.TokenExpired) && !errors.Is(err, entra.NotYetValid) {
		return caller{}, s.unauthorized(r.Host, "InvalidAuthenticationToken", "The access token is invalid.")
	}
	if code, text := s.unfit(claims, r.Host); code != "" {
		return caller{}, s.unauthorized(r.Host, code, text)
	}
	return caller{claims.ObjectID, claims.AppID}, nil
}

// unfit says what is wrong with a token that is genuine; both are empty when nothing is.
func (s *Server) unfit(c entra.Claims, host string) (code, text string) {
	now, allowed := s.config.Clock.Now(), s.config.Audiences(host)
	switch {
	case !now.Before(c.Expires):
		return "ExpiredAuthenticationToken", fmt.Sprintf("The access token expiry UTC time '%s' is earlier than current UTC time '%s'.", utc(c.Expires), utc(now))
	case now.Before(c.NotBefore):
		return "InvalidAuthenticationToken", fmt.Sprintf("The access token is not valid before UTC time '%s'.", utc(c.NotBefore))
	case !slices.Contains(allowed, strings.ToLower(strings.TrimRight(c.Audience, "/"))):
		return "InvalidAuthenticationTokenAudience", fmt.Sprintf("The access token has been obtained for wrong audience or resource '%s'. "+
			"It should exactly match with one of the allowed audiences '%s'.", c.Audience, strings.Join(allowed, "','"))
	}
	return "", ""
}

func utc(t time.Time) string { return t.UTC().Format(wireTime) }

func (s *Server) unauthorized(host, code, text string) *answer {
	no := refuse(http.StatusUnauthorized, code, "%s", text)
	no.header = map[string]string{"WWW-Authenticate": fmt.Sprintf(`Bearer authorization_uri="%s/", error="invalid_token", error_description="%s"`,
		s.config.Authority(host), text)}
	return no
}

func (s *Server) may(c caller, action, resource string) bool {
	return slices.ContainsFunc(s.rights, func(a Assignment) bool { return a.allows(c.objectID, action, resource) })
}

// authorize refuses a caller without the right to do what it asks.
func (s *Server) authorize(c caller, action, resource string) *answer {
	if s.may(c, action, resource) {
		return nil
	}
	return refuse(http.StatusForbidden, "AuthorizationFailed",
		"The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. "+
			"If access was recently granted, please refresh your credentials.", c.appID, c.objectID, action, resource)
}

// authorizeLinked refuses identities that do not exist or that the caller may not assign. The text does not tell the two
// apart; controllers read the ids from it, and drop those and try again.
func (s *Server) authorizeLinked(c caller, action, resource string, ids []string) *answer {
	var refused []string
	for _, id := range ids {
		if _, known := s.identity(id); !known || !s.may(c, assign, id) {
			refused = append(refused, id)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return refuse(http.StatusForbidden, "LinkedAuthorizationFailed",
		"The client '%s' with object id '%s' has permission to perform action '%s' on scope '%s'; however, it does not have permission to "+
			"perform action '%s' on the linked scope(s) '%s' or the linked scope(s) are invalid.",
		c.appID, c.objectID, action, resource, assign, strings.Join(refused, ","))
}

// identity finds a user-assigned identity by resource id alone: the directory would take any other name too.
func (s *Server) identity(id string) (entra.Principal, bool) {
	p, known := s.config.Directory.Find(id)
	return p, known && p.Kind == entra.KindUserAssigned && sameID(p, id)
}
