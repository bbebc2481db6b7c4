package keyvault_test

import (
	"net/http"
	"strings"
	"testing"

	"strongroom/internal/emulator/keyvault"
)

// TestSpellings: encoded query keys, slashes too many, a bare question mark, names in another case.
func TestSpellings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	w.done("PUT", "/secrets/Name", `{"value":"x"}`)
	good := map[string]string{"Authorization": "bearer good"}
	for _, path := range []string{
		"/secrets/Name?api%2Dversion=7.4", "/secrets/Name/?api-version=2025-07-01", "//secrets//Name//?api-version=7.6-preview.2",
		"/secrets/name?api-version=7.4", "/SECRETS/Name?api-version=7.4&", "/secrets/Name?api-version=2016-10-01",
	} {
		r := w.request("GET", path, "", good)
		equal(t, path, r.status, http.StatusOK)
		if id, _ := r.body["id"].(string); !strings.HasPrefix(id, w.url()+"/secrets/Name/") {
			t.Errorf("%s: id %q does not keep the name as it was made", path, id)
		}
	}
	r := w.request("GET", "/secrets/Name?", "", good)
	code, _ := r.errorCodes()
	equal(t, "bare question mark, no version", code, "BadParameter")
	r = w.request("GET", "/healthstatus?", "", nil)
	equal(t, "health", r.status, http.StatusOK)
}

// TestTunnelledVerb: a POST may carry another verb in a header.
func TestTunnelledVerb(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	header := map[string]string{"Authorization": "Bearer good", "X-HTTP-METHOD": "PUT"}
	r := w.request("POST", "/secrets/s?api-version=7.4", `{"value":"x"}`, header)
	equal(t, "status", r.status, http.StatusOK)
}

// TestChallenge: whoever shows no good token is told where to get one, whatever else is wrong with the request.
func TestChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	_, suffix, _ := strings.Cut(w.host, ".")
	want := `Bearer authorization="https://login.azure.localhost/` + tenant + `", resource="https://` + suffix + `"`
	for _, tc := range []struct{ authorization, message string }{
		{"", "AKV10000: Request is missing a Bearer or PoP token."},
		{"Basic abc", "AKV10000: Request is missing a Bearer or PoP token."},
		{"Bearer ", "AKV10000: Request is missing a Bearer or PoP token."},
		{"Bearer foreign", "AKV10032: Invalid issuer. Expected one of a, found b."},
		{"Bearer rubbish", "AKV10022: The token presented is not accepted here."},
	} {
		for _, request := range []string{"PUT /secrets/s?api-version=7.4", "GET /secrets/s", "GET /nowhere"} {
			method, path, _ := strings.Cut(request, " ")
			r := w.request(method, path, "", map[string]string{"Authorization": tc.authorization})
			code, message := r.errorCodes()
			equal(t, request, r.status, http.StatusUnauthorized)
			equal(t, "code", code, "Unauthorized")
			equal(t, "message", message, tc.message)
			equal(t, "challenge", r.header.Get("WWW-Authenticate"), want)
		}
	}
	equal(t, "guard asked about objects", len(w.guard.asked), 0)
}

// TestGuardDecides: the guard hears who wants what, before the vault says whether it is there.
func TestGuardDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	w.guard.refuse = map[keyvault.Action]*keyvault.Refusal{
		keyvault.Get: {Inner: "ForbiddenByRbac", Message: "Caller is not authorized to perform action on resource."},
	}
	r := w.send("GET", "/secrets/none/", "")
	code, message := r.errorCodes()
	equal(t, "status", r.status, http.StatusForbidden)
	equal(t, "code", code, "Forbidden/ForbiddenByRbac")
	equal(t, "message", message, "Caller is not authorized to perform action on resource.")
	w.send("GET", "/certificates/issuers/acme", "")
	w.send("POST", "/keys/k/wrapkey", "")
	w.send("GET", "/secrets", "")
	w.send("POST", "/deletedsecrets/s/recover", "")
	equal(t, "asked", strings.Join(w.guard.asked, "; "), "v1 secrets get none; v1 certificates getissuers acme; "+
		"v1 keys wrapkey k; v1 secrets list ; v1 secrets recover s")
}

// TestHeaders are on good and bad answers alike.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	w.done("PUT", "/secrets/s", `{"value":"x"}`)
	seen := map[string]bool{}
	for _, path := range []string{"/secrets/s?api-version=7.4", "/secrets/none?api-version=7.4"} {
		r := w.request("GET", path, "", map[string]string{"Authorization": "Bearer good", "x-ms-client-request-id": "mine"})
		for name, want := range map[string]string{
			"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1", "X-Content-Type-Options": "nosniff",
			"Content-Type": "application/json; charset=utf-8", "x-ms-client-request-id": "mine", "x-ms-keyvault-region": "local",
			"x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
		} {
			equal(t, name, r.header.Get(name), want)
		}
		id := r.header.Get("x-ms-request-id")
		equal(t, "fresh request id", len(id) == 36 && !seen[id], true)
		seen[id] = true
	}
}

// TestUnknownVault answers, for whoever lets such a name resolve.
func TestUnknownVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	equal(t, "there", w.kv.HasVault("V1"), true)
	w.kv.RemoveVault("V1")
	equal(t, "gone", w.kv.HasVault("v1"), false)
	equal(t, "health", w.request("GET", "/healthstatus", "", nil).status, http.StatusNotFound)
	equal(t, "status", w.send("GET", "/secrets", "").status, http.StatusNotFound)
}
