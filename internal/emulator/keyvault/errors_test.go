package keyvault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/keyvault"
)

// TestErrors holds each refusal to the words of the service.
func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Settling: 10 * time.Second})
	for _, path := range []string{"/secrets/s", "/secrets/gone", "/secrets/off"} {
		w.done("PUT", path, `{"value":"x"}`)
	}
	w.done("PATCH", "/secrets/off", `{"attributes":{"enabled":false}}`)
	w.done("DELETE", "/secrets/gone", "")
	w.clock.Advance(10 * time.Second)
	w.done("POST", "/keys/k/create", `{"kty":"EC"}`)
	w.done("DELETE", "/keys/k", "")
	must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "cert", Name: "c"}}))

	tags := strings.TrimSuffix(strings.Repeat(`"%d":"",`, 16), ",")
	numbers := make([]any, 16)
	for i := range numbers {
		numbers[i] = i
	}
	sixteen := fmt.Sprintf(tags, numbers...)
	recovery := "If you recently deleted this %s you may be able to recover it using the correct recovery command. " +
		"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
	zeros := strings.Repeat("0", 32)

	for _, tc := range []struct {
		request string
		body    string
		status  int
		code    string
		message string // "" when the words are our own
	}{
		{"GET /secrets/no", "", 404, "SecretNotFound",
			"A secret with (name/id) no was not found in this key vault. " + fmt.Sprintf(recovery, "secret")},
		{"GET /secrets/s/" + zeros, "", 404, "SecretNotFound",
			"A secret with (name/id) s/" + zeros + " was not found in this key vault. " + fmt.Sprintf(recovery, "secret")},
		{"GET /secrets/gone", "", 404, "SecretNotFound", ""},
		{"DELETE /secrets/gone", "", 404, "SecretNotFound", ""},
		{"GET /keys/no", "", 404, "KeyNotFound",
			"A key with (name/id) no was not found in this key vault. " + fmt.Sprintf(recovery, "key")},
		{"GET /certificates/no", "", 404, "CertificateNotFound", ""},
		{"GET /deletedsecrets/s", "", 404, "SecretNotFound", "Deleted Secret not found: s"},
		{"GET /deletedcertificates/no", "", 404, "CertificateNotFound", "Deleted Certificate not found: no"},
		{"GET /secrets/off", "", 403, "Forbidden/SecretDisabled", "Operation get is not allowed on a disabled secret."},
		{"PUT /secrets/gone", `{"value":"y"}`, 409, "Conflict/ObjectIsDeletedButRecoverable", "Secret gone is currently in a " +
			"deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged."},
		{"POST /keys/k/create", `{"kty":"EC"}`, 409, "Conflict/ObjectIsBeingDeleted", "Key is currently being deleted."},
		{"POST /deletedkeys/k/recover", "", 409, "Conflict/ObjectIsBeingDeleted", "Key is currently being deleted."},
		{"DELETE /deletedkeys/k", "", 409, "Conflict/ObjectIsBeingDeleted", ""},
		{"GET /deletedkeys/k", "", 404, "KeyNotFound", "Deleted Key not found: k"},
		{"PUT /secrets/c", `{"value":"y"}`, 403, "Forbidden", ""},
		{"DELETE /secrets/c", "", 403, "Forbidden", ""},
		{"PATCH /keys/c", `{"tags":{}}`, 403, "Forbidden", ""},
		{"POST /certificates/s/create", `{"policy":{"issuer":{"name":"Self"},"x509_props":{"subject":"CN=a"}}}`, 409, "Conflict", ""},
		{"PUT /secrets/under_score", `{"value":"y"}`, 400, "BadParameter", ""},
		{"GET /secrets/s/notaversion", "", 400, "BadParameter", ""},
		{"PUT /secrets/" + strings.Repeat("n", 128), `{"value":"y"}`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `{}`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `not json`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `{"value":"` + strings.Repeat("v", 25*1024+1) + `"}`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `{"value":"y","contentType":"` + strings.Repeat("v", 256) + `"}`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `{"value":"y","tags":{` + sixteen + `}}`, 400, "BadParameter", ""},
		{"PUT /secrets/s", `{"value":"` + strings.Repeat("v", 2<<20) + `"}`, 400, "BadParameter", ""},
		{"GET /secrets?maxresults=26", "", 400, "BadParameter", ""},
		{"GET /secrets?maxresults=none", "", 400, "BadParameter", ""},
		{"GET /secrets?$skiptoken=?", "", 400, "BadParameter", ""},
		{"GET /secrets/s?outContentType=application/x-pem-file", "", 400, "BadParameter", ""},
		{"GET /secrets?api-version=7.9", "", 400, "BadParameter", "The specified version (7.9) is not recognized. Consider " +
			"using the latest supported version (2026-04-01)."},
		{"GET /secrets?api-version=", "", 400, "BadParameter", "api-version must be specified"},
		{"GET /nowhere", "", 400, "BadParameter", ""},
		{"PUT /secrets", "", 400, "BadParameter", ""},
		{"POST /keys/n/create", `{"kty":"EC","crv":"P-256K"}`, 400, "BadParameter", ""},
		{"POST /keys/n/create", `{"kty":"RSA","key_size":1024}`, 400, "BadParameter", ""},
		{"POST /keys/n/create", `{"kty":"EC","key_ops":["fly"]}`, 400, "BadParameter", ""},
		{"PUT /keys/n", `{"key":{"kty":"RSA"}}`, 400, "BadParameter", ""},
		{"PUT /keys/n", `{}`, 400, "BadParameter", ""},
		{"POST /keys/restore", `{"value":"bm9uc2Vuc2U"}`, 400, "BadParameter", ""},
		{"POST /rng", `{"count":0}`, 400, "BadParameter", ""},
		{"POST /certificates/n/create", `{}`, 400, "BadParameter", ""},
		{"POST /certificates/n/create", `{"policy":{"issuer":{"name":"Self"}}}`, 400, "BadParameter", ""},
		{"POST /certificates/n/create", `{"policy":{"issuer":{"name":"Self"},"x509_props":{"subject":"nonsense"}}}`, 400, "BadParameter", ""},
		{"POST /certificates/n/create", `{"policy":{"issuer":{"name":"Self"},"key_props":{"kty":"oct"},"x509_props":{"subject":"CN=a"}}}`, 400, "BadParameter", ""},
		{"POST /certificates/n/import", `{"value":"AAAA"}`, 400, "BadParameter", "The specified PKCS#12 X.509 certificate " +
			"content can not be read. Please check if certificate is in valid PKCS#12 format."},
		{"POST /certificates/n/import", `{"value":"-----BEGIN CERTIFICATE-----"}`, 400, "BadParameter", "Private key is not " +
			"specified in the specified X.509 PEM certificate content. Please specify private key in the X.509 PEM certificate content."},
		{"GET /certificates/c/pending", "", 404, "PendingCertificateNotFound", "Pending certificate not found: c"},
	} {
		method, path, _ := strings.Cut(tc.request, " ")
		r := w.send(method, path, tc.body)
		code, message := r.errorCodes()
		if r.status != tc.status || code != tc.code || tc.message != "" && message != tc.message {
			t.Errorf("%.120s %.60s\n got %d %s %q\nwant %d %s %q", tc.request, tc.body, r.status, code, message, tc.status, tc.code, tc.message)
		}
	}
}

// TestBeingRecovered is the time between a recovery's answer and the object's return.
func TestBeingRecovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Settling: 10 * time.Second})
	w.done("PUT", "/secrets/s", `{"value":"x"}`)
	w.done("DELETE", "/secrets/s", "")
	w.clock.Advance(10 * time.Second)
	w.done("POST", "/deletedsecrets/s/recover", "")
	for request, want := range map[string]string{
		"GET /secrets/s": "SecretNotFound", "GET /deletedsecrets/s": "SecretNotFound",
		"DELETE /secrets/s": "Conflict/ObjectIsBeingRecovered", "PUT /secrets/s": "Conflict/ObjectIsBeingRecovered",
	} {
		method, path, _ := strings.Cut(request, " ")
		code, _ := w.send(method, path, `{"value":"y"}`).errorCodes()
		equal(t, request, code, want)
	}
	w.clock.Advance(10 * time.Second)
	w.done("GET", "/secrets/s", "")
}

// TestExpiredSecretsAreReadable: the times are information, not a lock.
func TestExpiredSecretsAreReadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	now := w.clock.Now().Unix()
	w.done("PUT", "/secrets/old", fmt.Sprintf(`{"value":"x","attributes":{"exp":%d}}`, now-60))
	w.done("PUT", "/secrets/young", fmt.Sprintf(`{"value":"x","attributes":{"nbf":%d}}`, now+60))
	w.done("GET", "/secrets/old/", "")
	w.done("GET", "/secrets/young/", "")
}

// TestPurgeProtection keeps what was deleted, and says so beforehand.
func TestPurgeProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{PurgeProtection: true})
	set := w.done("PUT", "/secrets/s", `{"value":"x"}`)
	equal(t, "level", set.body["attributes"].(map[string]any)["recoveryLevel"], any("Recoverable"))
	w.done("DELETE", "/secrets/s", "")
	equal(t, "status", w.send("DELETE", "/deletedsecrets/s", "").status, 403)
	w.done("POST", "/deletedsecrets/s/recover", "")
}

// TestDisabledDeletedSecret is refused like a live one.
func TestDisabledDeletedSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	w.done("PUT", "/secrets/s", `{"value":"x","attributes":{"enabled":false}}`)
	w.done("DELETE", "/secrets/s", "")
	code, _ := w.send("GET", "/deletedsecrets/s", "").errorCodes()
	equal(t, "code", code, "Forbidden/SecretDisabled")
}
