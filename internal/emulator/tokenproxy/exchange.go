package tokenproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"strongroom/internal/emulator/issuer"
)

const maxBody = 1 << 20

// exchange checks the service account token and passes the request on with the bound identity's assertion in its place.
func (p *Proxy) exchange(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "the request body cannot be read")
		return
	}
	form := r.PostForm
	if form.Get("client_secret") != "" || form.Get("client_assertion") == "" {
		refuse(w, http.StatusBadRequest, "invalid_request",
			"only a service account token of audience "+Audience+" is taken here, as client_assertion")
		return
	}
	clientID := form.Get("client_id")
	account, err := p.tokens.Review(form.Get("client_assertion"), Audience)
	if err != nil {
		refuse(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	}
	if !p.allows(clientID, account) {
		refuse(w, http.StatusForbidden, "unauthorized_client", fmt.Sprintf(
			"service account %s/%s may not use managed identity %s", account.Namespace, account.Name, clientID))
		return
	}
	assertion, _, err := p.issuer.Mint(accountOf(clientID), exchangeAudience, assertionLife)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	form.Set("client_assertion", string(assertion.Reveal()))
	p.entra.ServeHTTP(w, withForm(r, form))
}

// accountOf is the name an identity goes by in the proxy's own assertions.
func accountOf(clientID string) issuer.Account {
	return issuer.Account{Namespace: "identity-binding", Name: strings.ToLower(clientID)}
}

// withForm is the request with another body and everything else kept.
func withForm(r *http.Request, form url.Values) *http.Request {
	body := form.Encode()
	next := r.Clone(r.Context())
	next.Form, next.PostForm = nil, nil
	next.Body = io.NopCloser(strings.NewReader(body))
	next.ContentLength = int64(len(body))
	next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	next.Header.Del("Content-Length")
	return next
}

func refuse(w http.ResponseWriter, status int, name, description string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{name, description})
}
