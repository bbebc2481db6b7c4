package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
)

// aadsts is a refusal as Entra ID writes it.
func aadsts(code int, text string) string {
	b, _ := json.Marshal(map[string]any{
		"error":             "invalid_client",
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: 7c\r\nCorrelation ID: 8d\r\nTimestamp: 2030-01-02 03:04:05Z", code, text),
		"error_codes":       []int{code},
		"timestamp":         "2030-01-02 03:04:05Z",
		"trace_id":          "trace-1",
		"correlation_id":    "correlation-1",
	})
	return string(b)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const noRecord = "No matching federated identity record found for presented assertion subject 'system:serviceaccount:shop:web'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/x"
	for name, c := range map[string]struct {
		status  int
		body    string
		kind    fault.Kind
		code    string
		message string
		remedy  string
	}{
		"subject": {401, aadsts(700213, noRecord), fault.Denied, "AADSTS700213",
			"No matching federated identity record found for presented assertion subject 'system:serviceaccount:shop:web'",
			"az identity federated-credential create --name strongroom --identity-name <identity> --resource-group <group>" +
				" --issuer https://oidc.example.com/cluster/ --subject system:serviceaccount:shop:web --audiences api://AzureADTokenExchange" +
				" (of an application: az ad app federated-credential create --id " + clientID},
		"subject, older": {400, aadsts(70021, "No matching federated identity record found for presented assertion. Assertion Issuer: 'x'."), fault.Denied,
			"AADSTS70021", "No matching federated identity record found for presented assertion", "az identity federated-credential"},
		"issuer":   {401, aadsts(700211, noRecord), fault.Denied, "AADSTS700211", "", "--issuer https://oidc"},
		"audience": {401, aadsts(700212, noRecord), fault.Denied, "AADSTS700212", "", "--audiences api://"},
		"case":     {401, aadsts(7002138, noRecord), fault.Denied, "AADSTS7002138", "", "az identity federated-credential"},
		"assertion expired": {401, aadsts(700024, "Client assertion is not within its valid time range. Current time: 2030-01-02T03:04:05.1234567Z"), fault.Expired,
			"AADSTS700024", "Client assertion is not within its valid time range", "clock"},
		"signature":    {401, aadsts(700027, "The certificate isn't registered. More."), fault.Denied, "AADSTS700027", "The certificate isn't registered", "--cert"},
		"wrong secret": {401, aadsts(7000215, "Invalid client secret provided. Ensure it."), fault.Denied, "AADSTS7000215", "Invalid client secret provided", "az ad app credential reset --id " + clientID},
		"old secret":   {401, aadsts(7000222, "The provided client secret keys for app 'x' are expired."), fault.Expired, "AADSTS7000222", "are expired", "az ad app credential reset"},
		"application":  {400, aadsts(700016, "Application with identifier 'x' was not found in the directory 'y'. This"), fault.Denied, "AADSTS700016", "in the directory 'y'", "az ad sp show --id " + clientID},
		"tenant":       {400, aadsts(90002, "Tenant 'a.b. c' not found. Check"), fault.NotFound, "AADSTS90002", "Tenant 'a.b. c' not found", "check tenantId " + tenant},
		"conditional":  {400, aadsts(53003, "Access has been blocked by Conditional Access policies. The"), fault.Denied, "AADSTS53003", "blocked by Conditional Access", "conditional access"},
		"resource":     {400, aadsts(500011, "The resource principal named x was not found."), fault.Denied, "AADSTS500011", "", "cloudName"},
		"issuer down":  {400, aadsts(90061, "Request to External OIDC endpoint failed."), fault.Unavailable, "AADSTS90061", "", "oidcIssuerProfile"},
		"unknown code": {400, aadsts(999999, "Something new."), fault.Denied, "AADSTS999999", "Something new", ""},
		"code in text": {400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'x' not found. Trace ID: 7c Correlation ID: 8d"}`, fault.NotFound, "AADSTS90002", "Tenant 'x' not found", ""},
		"throttled":    {429, aadsts(50196, "Loop."), fault.Throttled, "AADSTS50196", "", ""},
		"timeout":      {408, ``, fault.Unavailable, "", "no reason given", ""},
		"gone":         {410, ``, fault.Unavailable, "", "", ""},
		"5xx":          {503, aadsts(90033, "A transient error has occurred."), fault.Unavailable, "AADSTS90033", "A transient error", ""},
		"a page":       {502, `<html>bad gateway</html>`, fault.Unavailable, "", "no reason given", ""},
		"no words":     {403, `{"error":"access_denied"}`, fault.Denied, "access_denied", "no token: access_denied", ""},
		"odd JSON":     {403, `{"error":{"code":"x"}}`, fault.Denied, "", "no reason given", ""},
		"teapot":       {418, `[]`, fault.Denied, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secure(t, says(c.status, c.body, "Retry-After: 17", "x-ms-request-id: header-1"))
			client, _ := newClient(t, s, nil)
			_, err := client.Federated(t.Context(), target(s), serviceAccount())
			s.only(t)
			var f *fault.Error
			if !errors.As(err, &f) {
				t.Fatalf("got %v", err)
			}
			if f.Kind != c.kind || f.Remote.Code != c.code || f.Remote.Status != c.status {
				t.Errorf("kind %s, code %q, status %d", f.Kind, f.Remote.Code, f.Remote.Status)
			}
			if !strings.Contains(f.Message, c.message) || strings.Contains(f.Message, "AADSTS") || strings.Contains(f.Message, "Trace") {
				t.Errorf("message %q", f.Message)
			}
			if !strings.Contains(f.Remedy, c.remedy) {
				t.Errorf("remedy %q", f.Remedy)
			}
			if want := map[bool]string{true: "correlation-1", false: "header-1"}[strings.Contains(c.body, "correlation-1")]; f.Remote.RequestID != want {
				t.Errorf("request id %q", f.Remote.RequestID)
			}
			if f.RetryAfter != 17*time.Second || strings.Contains(f.Error(), "\n") {
				t.Errorf("wait %s, %q", f.RetryAfter, f.Error())
			}
		})
	}
}

// A server that sends back what it was given must not get it into an error.
func TestNothingSentComesBack(t *testing.T) {
	t.Parallel()
	escaped, _ := json.Marshal("AADSTS700027: you sent " + jwt + " and " + jwt[:40])
	for name, body := range map[string]string{
		"in the description": `{"error":"x","error_description":` + string(escaped) + `}`,
		"in the error":       `{"error":"` + jwt + `"}`,
		"as ids":             `{"error":"x","trace_id":"` + jwt + `","correlation_id":"` + jwt + `"}`,
		"as the body":        jwt,
	} {
		for _, status := range []int{200, 302, 400, 401, 500} {
			s := secure(t, says(status, body, "Location: https://"+"elsewhere.example/"+jwt, "x-ms-request-id: "+jwt))
			client, _ := newClient(t, s, nil)
			_, err := client.Federated(t.Context(), target(s), serviceAccount())
			s.only(t)
			if text := fmt.Sprintf("%s|%+v|%#v", fault.Explain(err), err, err); err == nil || strings.Contains(text, jwt[:16]) {
				t.Errorf("%s, %d: %s", name, status, text)
			}
		}
	}
}

func TestRemediesAreQuoted(t *testing.T) {
	t.Parallel()
	s := secure(t, says(401, aadsts(700213, "No.")))
	client, _ := newClient(t, s, nil)
	a := serviceAccount()
	a.Subject = "x'; rm -rf ~ #"
	_, err := client.Federated(t.Context(), target(s), a)
	if remedy := fault.Explain(err); !strings.Contains(remedy, `--subject 'x'\''; rm -rf ~ #' --audiences`) {
		t.Error(remedy)
	}
}

func TestAuthorityDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"cuts the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secure(t, answer)
			client, _ := newClient(t, s, nil)
			_, err := client.Federated(t.Context(), target(s), serviceAccount())
			s.only(t)
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	s := secure(t, says(200, goodToken))
	client, _ := newClient(t, s, nil)
	s.Close()
	if _, err := client.Federated(t.Context(), target(s), serviceAccount()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("gone: got %v", err)
	}
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	s := secure(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	client, _ := newClient(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := client.Federated(ctx, target(s), serviceAccount())
	if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
