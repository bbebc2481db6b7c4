package keyvault

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
)

// authenticate wants a bearer token the guard accepts. Without one the body does not matter: SDKs ask with an empty
// one first, just to be challenged.
func (s *Server) authenticate(vault string, r *http.Request) (Caller, *failure) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
	}
	caller, err := s.cfg.Guard.Authenticate(vault, r.Host, token)
	if err == nil {
		return caller, nil
	}
	var e *fault.Error
	if errors.As(err, &e) && e.Remote.Code != "" {
		return Caller{}, unauthorized(e.Remote.Code + ": " + e.Message)
	}
	return Caller{}, unauthorized("AKV10022: The token presented is not accepted here.")
}

func (r *Refusal) failure() *failure {
	code := r.Code
	if code == "" {
		code = "Forbidden"
	}
	return &failure{http.StatusForbidden, code, r.Inner, r.Message}
}

// commonHeaders are on every answer, good or bad.
func (s *Server) commonHeaders(h http.Header, r *http.Request) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
	h.Set("x-ms-keyvault-region", s.cfg.Region)
	h.Set("x-ms-keyvault-service-version", "1.9.0.0")
	h.Set("x-ms-request-id", mint.NewUUID())
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		h.Set("x-ms-client-request-id", id)
	}
	if addr, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		h.Set("x-ms-keyvault-network-info", "conn_type=Ipv4;addr="+addr+";act_addr_fam=InterNetwork;")
	}
}
