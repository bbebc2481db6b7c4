package keyvault

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// ClaimsError is the cause of a refusal that a new token, requested with Claims, may turn into an answer: the caller may
// ask for one and try once more.
type ClaimsError struct{ Claims string }

func (*ClaimsError) Error() string { return "a token with further claims is asked for" }

// ClaimsOf is the JSON claims that a vault wants a new token to be requested with, and whether it does.
func ClaimsOf(err error) (claims string, ok bool) {
	var c *ClaimsError
	if errors.As(err, &c) {
		return c.Claims, true
	}
	return "", false
}

// problem is Key Vault's error, with the inner code that tells refusals apart.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Inner   struct {
		Code string `json:"code"`
	} `json:"innererror"`
}

// refusal is the fault of an answer other than 200 and 3xx.
func refusal(resp *http.Response, body []byte, what call, now time.Time) *fault.Error {
	var b struct {
		Error problem `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil {
		b.Error = problem{} // a proxy's page, or half a body: only the status is known
	}
	p := b.Error
	asked := challengeOf(resp.Header)
	hidden := what.token
	f := fault.New(kindOf(resp.StatusCode, p, asked), what.subject(), "%s", said(p, resp, what))
	f.Remote = fault.Remote{
		Status:    resp.StatusCode,
		Code:      p.code(resp.Header, hidden),
		RequestID: transport.ID(resp.Header.Get("X-Ms-Request-Id"), hidden),
	}
	f.RetryAfter = transport.RetryAfter(resp.Header, now)
	f.Remedy = remedy(resp.StatusCode, p, asked, what)
	if resp.StatusCode == http.StatusUnauthorized && asked.Error == "insufficient_claims" && asked.Claims != "" {
		f.Kind = fault.Expired
		f.Cause = &ClaimsError{Claims: asked.Claims}
	}
	return f
}

// code is outer/inner, or as much of it as was given.
func (p problem) code(h http.Header, hidden secret.Value) string {
	outer := transport.ID(first(p.Code, h.Get("X-Ms-Error-Code")), hidden)
	inner := transport.ID(p.Inner.Code, hidden)
	if inner == "" || inner == outer {
		return outer
	}
	return strings.TrimPrefix(outer+"/"+inner, "/")
}

func said(p problem, resp *http.Response, what call) string {
	if text := transport.Line(p.Message, what.token); text != "" {
		return text
	}
	return "refused with " + http.StatusText(resp.StatusCode) + " and no reason"
}

// kindOf goes by status; only a 401 needs its words read, to tell a token past its time from one the vault will never
// take.
func kindOf(status int, p problem, asked Challenge) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		words := strings.ToLower(p.Message + " " + asked.Description)
		if strings.Contains(words, "expired") || strings.Contains(words, "lifetime") {
			return fault.Expired
		}
		return fault.Denied
	case http.StatusForbidden:
		return fault.Denied
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusTooManyRequests:
		return fault.Throttled
	case http.StatusBadRequest:
		return fault.Invalid
	}
	return fault.Unavailable
}
