package keyvault_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/fault"
)

// answer is a response without a network.
func answer(r *http.Request, body string) *http.Response {
	return &http.Response{StatusCode: 200, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

const (
	caller    = "appid=aaaaaaaa-0000-0000-0000-000000000000;oid=bbbbbbbb-0000-0000-0000-000000000000;iss=https://sts.windows.net/t/"
	challenge = `WWW-Authenticate: Bearer authorization="https://login.windows.net/tttttttt-0000-0000-0000-000000000000", resource="https://vault.azure.net"`
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	rbac := "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: " +
		caller + "\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/v/secrets/db'\r\nAssignment: (not found)\r\n"
	policy := "The user, group or application '" + caller + "' does not have secrets get permission on key vault 'v;location=westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
	for name, c := range map[string]struct {
		read   read
		status int
		body   string
		kind   fault.Kind
		code   string
		parts  []string
	}{
		"role missing": {readSecret, 403, problem("Forbidden", "ForbiddenByRbac", rbac), fault.Denied, "Forbidden/ForbiddenByRbac",
			[]string{"secret/db: Caller is not authorized to perform action on resource. (HTTP 403 Forbidden/ForbiddenByRbac, request id request-1)",
				"az role assignment create --role 'Key Vault Secrets User' --assignee-object-id bbbbbbbb-0000-0000-0000-000000000000 --assignee-principal-type ServicePrincipal --scope /subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/v"}},
		"role missing, key":  {readKey, 403, problem("Forbidden", "ForbiddenByRbac", "No."), fault.Denied, "Forbidden/ForbiddenByRbac", []string{"key/db: No.", "'Key Vault Crypto User'", "--scope $(az keyvault show --name 127 --query id"}},
		"policy missing":     {readSecret, 403, problem("Forbidden", "AccessDenied", policy), fault.Denied, "Forbidden/AccessDenied", []string{"does not have secrets get permission", "az keyvault set-policy --name 127 --object-id bbbbbbbb-0000-0000-0000-000000000000 --secret-permissions get"}},
		"policy for a list":  {readVersions, 403, problem("Forbidden", "ForbiddenByPolicy", policy), fault.Denied, "Forbidden/ForbiddenByPolicy", []string{"--secret-permissions get list"}},
		"policy, cert":       {readCertificate, 403, problem("Forbidden", "ForbiddenByPolicy", "No."), fault.Denied, "Forbidden/ForbiddenByPolicy", []string{"--object-id <object id> --certificate-permissions get"}},
		"disabled":           {readSecret, 403, problem("Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret."), fault.Denied, "Forbidden/SecretDisabled", []string{"Operation get is not allowed on a disabled secret.", "az keyvault secret set-attributes --vault-name 127 --name db --enabled true"}},
		"firewall":           {readSecret, 403, problem("Forbidden", "ForbiddenByFirewall", "Client address is not authorized and caller is not a trusted service.\r\nClient address: 10.1.2.3\r\n"), fault.Denied, "Forbidden/ForbiddenByFirewall", []string{"az keyvault network-rule add --name 127 --ip-address 10.1.2.3"}},
		"private":            {readSecret, 403, problem("Forbidden", "ForbiddenByConnection", "Public network access is disabled."), fault.Denied, "Forbidden/ForbiddenByConnection", []string{"private endpoint"}},
		"forbidden":          {readSecret, 403, `<html>hidden</html>`, fault.Denied, "", []string{"refused with Forbidden and no reason"}},
		"no secret":          {readSecret, 404, problem("SecretNotFound", "", "A secret with (name/id) db was not found in this key vault. If you"), fault.NotFound, "SecretNotFound", []string{"A secret with (name/id) db was not found", "az keyvault secret recover --vault-name 127 --name db"}},
		"no certificate":     {readCertificate, 404, problem("CertificateNotFound", "", "Certificate not found: db"), fault.NotFound, "CertificateNotFound", []string{"cert/db", "az keyvault certificate recover"}},
		"no token":           {readSecret, 401, problem("Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token."), fault.Denied, "Unauthorized", []string{"tokens of https://login.windows.net/tttttttt-0000-0000-0000-000000000000 for https://vault.azure.net"}},
		"another tenant":     {readSecret, 401, problem("Unauthorized", "", "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/t1/, found https://sts.windows.net/t2/."), fault.Denied, "Unauthorized", []string{"AKV10032: Invalid issuer.", "set tenantId to tttttttt-0000-0000-0000-000000000000"}},
		"another audience":   {readSecret, 401, problem("Unauthorized", "", "AKV10022: Invalid audience. Expected https://vault.azure.net"), fault.Denied, "Unauthorized", []string{"check cloudName"}},
		"past its time":      {readSecret, 401, problem("Unauthorized", "", "IDX10223: Lifetime validation failed. The token is expired."), fault.Expired, "Unauthorized", nil},
		"throttled":          {readSecret, 429, problem("Throttled", "", "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"), fault.Throttled, "Throttled", []string{"too many requests"}},
		"timeout":            {readSecret, 408, ``, fault.Unavailable, "", []string{"Request Timeout"}},
		"conflict":           {readSecret, 409, problem("Conflict", "ObjectIsBeingDeleted", "Secret is currently being deleted."), fault.Unavailable, "Conflict/ObjectIsBeingDeleted", nil},
		"broken":             {readSecret, 500, problem("InternalServerError", "", "An error occurred"), fault.Unavailable, "InternalServerError", nil},
		"down":               {readVersions, 503, `busy hidden`, fault.Unavailable, "", []string{"Service Unavailable"}},
		"bad parameter":      {readSecret, 400, problem("BadParameter", "", "The request URI contains an invalid name: db"), fault.Invalid, "BadParameter", nil},
		"created":            {readSecret, 201, `{"value":"hidden"}`, fault.Unavailable, "", nil},
		"no content":         {readSecret, 204, ``, fault.Unavailable, "", nil},
		"tells the token":    {readSecret, 403, problem("Forbidden", bearer, "you sent "+bearer+" ok"), fault.Denied, "Forbidden", []string{"you sent [redacted] ok"}},
		"many lines, odd":    {readSecret, 403, problem("a b", "", "\n\tfirst\x00line\nsecond"), fault.Denied, "", []string{"secret/db: first line (HTTP 403, request"}},
		"wrong shape":        {readSecret, 403, `{"error":"hidden"}`, fault.Denied, "", nil},
		"innererror as text": {readSecret, 403, `{"error":{"code":"hidden","innererror":"x"}}`, fault.Denied, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(c.status, c.body, "Retry-After: 17", "x-ms-request-id: request-1", challenge))
			client, vault := vaultOf(t, s)
			err := c.read(t.Context(), client, vault, "db", "")
			s.only(t)
			if c.status == 204 {
				// No body and no request id to speak of; the kind is what matters.
				refused(t, err, c.kind)
				return
			}
			refused(t, err, c.kind, c.parts...)
			f, ok := err.(*fault.Error)
			if !ok || f.Remote != (fault.Remote{Status: c.status, Code: c.code, RequestID: "request-1"}) || f.RetryAfter != 17*time.Second {
				t.Errorf("got %#v", f)
			}
			if _, asked := keyvault.ClaimsOf(err); asked {
				t.Error("claims are asked for")
			}
		})
	}
}

func TestClaimsChallenge(t *testing.T) {
	t.Parallel()
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	for name, c := range map[string]struct {
		header string
		want   bool
	}{
		"standard":  {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`, true},
		"for URLs":  {`Bearer error="insufficient_claims" claims="` + base64.RawURLEncoding.EncodeToString([]byte(claims)) + `"`, true},
		"unquoted":  {`Bearer error=insufficient_claims, claims=` + base64.StdEncoding.EncodeToString([]byte(claims)), true},
		"no base64": {`Bearer error="insufficient_claims", claims="***"`, false},
		"no object": {`Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`[1]`)) + `"`, false},
		"no claims": {`Bearer error="insufficient_claims"`, false},
		"no error":  {`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`, false},
	} {
		s := serve(t, says(401, problem("Unauthorized", "", "More is needed."), "WWW-Authenticate: "+c.header))
		client, vault := vaultOf(t, s)
		err := readSecret(t.Context(), client, vault, "db", "")
		s.only(t)
		got, ok := keyvault.ClaimsOf(err)
		if ok != c.want || ok && (got != claims || fault.KindOf(err) != fault.Expired) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A challenge is words to report, whatever it says: nobody goes where it points.
func TestForeignAuthorityGetsNoRequest(t *testing.T) {
	t.Parallel()
	thief := serve(t, says(200, `{"access_token":"x","expires_in":1}`))
	s := serve(t, says(401, problem("Unauthorized", "", "AKV10000"), `WWW-Authenticate: Bearer authorization="`+thief.URL+`/tenant", resource="`+thief.URL+`"`))
	client, vault := vaultOf(t, s, thief)
	refused(t, readSecret(t.Context(), client, vault, "db", ""), fault.Denied, thief.URL)
	s.only(t)
	if n := len(thief.requests()); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestRedirectGetsNoRequest(t *testing.T) {
	t.Parallel()
	thief := serve(t, says(200, `{"value":"x","id":"https://v/secrets/db/1"}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, r := range map[string]read{"secret": readSecret, "key": readKey, "certificate": readCertificate, "versions": readVersions} {
			s := serve(t, says(status, "hidden", "Location: "+thief.URL+"/secrets/db/1"))
			client, vault := vaultOf(t, s, thief)
			refused(t, r(t.Context(), client, vault, "db", ""), fault.Unavailable, "a redirect to "+strings.TrimPrefix(thief.URL, "https://"))
			if s.only(t).Header.Get("Authorization") == "" {
				t.Errorf("%s: the vault was asked without a token", name)
			}
		}
	}
	s := serve(t, says(304, ""))
	client, vault := vaultOf(t, s)
	refused(t, readSecret(t.Context(), client, vault, "db", ""), fault.Unavailable, "a redirect to nowhere")
	if n := len(thief.requests()); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	endless := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("hidden", 1<<12))); err != nil {
					return
				}
			}
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"value":"hidden`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, h := range map[string]http.HandlerFunc{
		"endless":         endless(200),
		"endless refusal": endless(403),
		"cut":             cut,
		"hung up":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, h)
			client, vault := vaultOf(t, s)
			refused(t, readSecret(t.Context(), client, vault, "db", ""), fault.Unavailable, "secret/db", "127.0.0.1")
			s.only(t)
		})
	}
}

func TestASlowAnswerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"before its headers": false, "in its body": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if early {
					_, _ = io.WriteString(w, `{"value":"hidden`)
					w.(http.Flusher).Flush()
				}
				close(begun)
				<-r.Context().Done()
			})
			client, vault := vaultOf(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-begun
				cancel()
			}()
			err := readSecret(ctx, client, vault, "db", "")
			refused(t, err, fault.Unavailable)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}
