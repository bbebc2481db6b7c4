package arm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// wireTime is how times are told in refusals of tokens.
const wireTime = "1/2/2006 3:04:05 PM"

// authenticate takes a token that the directory signed, in time by the manager's clock and for one of its audiences.
func (s *Server) authenticate(r *http.Request) (wire.Caller, *wire.Answer) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return wire.Caller{}, s.unauthorized(r.Host, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	claims, err := s.config.Directory.Verify(strings.TrimSpace(raw))
	if err != nil && !errors.Is(err, entra.TokenExpired) && !errors.Is(err, entra.NotYetValid) {
		return wire.Caller{}, s.unauthorized(r.Host, "InvalidAuthenticationToken", "The access token is invalid.")
	}
	if code, text := s.unfit(claims, r.Host); code != "" {
		return wire.Caller{}, s.unauthorized(r.Host, code, text)
	}
	return wire.Caller{ObjectID: claims.ObjectID, AppID: claims.AppID, TenantID: claims.TenantID}, nil
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

func (s *Server) unauthorized(host, code, text string) *wire.Answer {
	no := wire.Refuse(http.StatusUnauthorized, code, "%s", text)
	no.Header = map[string]string{"WWW-Authenticate": fmt.Sprintf(`Bearer authorization_uri="%s/", error="invalid_token", error_description="%s"`,
		s.config.Authority(host), text)}
	return no
}
