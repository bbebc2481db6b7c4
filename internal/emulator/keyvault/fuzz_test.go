package keyvault_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

func vaultForFuzz() *keyvault.Server {
	kv := keyvault.New(keyvault.Config{Clock: clock.NewFake(), Guard: &doorman{}})
	kv.AddVault("v1")
	return kv
}

// call sends one request as somebody who may do everything; it is nil for what is no HTTP request.
func call(kv *keyvault.Server, method, path, query, body string) *httptest.ResponseRecorder {
	u := &url.URL{Scheme: "https", Host: "v1.vault.azure.localhost", Path: "/" + path, RawQuery: "api-version=7.4&" + query}
	r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil
	}
	r.Header.Set("Authorization", "Bearer good")
	w := httptest.NewRecorder()
	kv.Handler("v1").ServeHTTP(w, r)
	return w
}

// No request makes the vault fail by itself: it is done, or refused as the client's mistake, and what was stored can be
// saved and loaded.
//
//fuzz:share 4
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "secrets/a", "", `{"value":"x","attributes":{"enabled":true,"exp":1,"nbf":9223372036854775807},"tags":{"a":"b"}}`)
	f.Add("POST", "keys/a/create", "", `{"kty":"EC","crv":"P-256"}`)
	f.Add("PUT", "keys/a", "", `{"key":{"kty":"oct","k":"AQ"}}`)
	f.Add("PUT", "keys/a", "", `{"key":{"kty":"EC","crv":"P-256","d":"AQ","x":"AQ","y":"AQ"}}`)
	f.Add("PUT", "keys/a", "", `{"key":{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}}`)
	f.Add("POST", "certificates/a/create", "", `{"policy":{"key_props":{"kty":"EC","crv":"P-256"},"x509_props":{"subject":"CN=x","sans":{"dns_names":["*"]},"validity_months":-1},"issuer":{"name":"Self"}}}`)
	f.Add("POST", "certificates/a/import", "", `{"value":"MIIB","pwd":"x"}`)
	f.Add("POST", "keys/restore", "", `{"value":"e30"}`)
	f.Add("GET", "secrets/a/versions", "maxresults=1&$skiptoken=eyJ9", "")
	f.Add("POST", "keys/a/sign", "", `{"alg":"ES256","value":"AQ"}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if strings.Contains(body, "RSA") && !strings.HasSuffix(path, "keys/a") {
			return // a key of that sort takes a second to make
		}
		kv := vaultForFuzz()
		call(kv, "PUT", "secrets/a", "", `{"value":"old"}`)
		for range 2 {
			w := call(kv, method, path, query, body)
			if w != nil && (w.Code >= 500 || w.Code < 200 || w.Body.Len() > 0 && !json.Valid(w.Body.Bytes())) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		for _, area := range []string{"secrets", "keys", "certificates", "deletedsecrets"} {
			if w := call(kv, "GET", area, "", ""); w.Code != http.StatusOK {
				t.Fatalf("%s afterwards: %d %s", area, w.Code, w.Body)
			}
		}
		saved, err := kv.Export()
		if err == nil {
			err = vaultForFuzz().Import(saved)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever stands in a state file or a backup, it is loaded whole or refused, and the vault answers afterwards.
func FuzzImport(f *testing.F) {
	kv := vaultForFuzz()
	call(kv, "PUT", "secrets/a", "", `{"value":"x"}`)
	call(kv, "POST", "keys/b/create", "", `{"kty":"EC","crv":"P-256"}`)
	saved, err := kv.Export()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved)
	f.Add([]byte(`{"Format":1,"Vaults":[{"Name":"v1","Data":{"Secrets":[{"Name":"a","Versions":[{"ID":"1","Key":{"Spec":{"Type":"oct"}}}]}]}}]}`))
	f.Add([]byte(`{"Format":1,"Vaults":[{"Name":"v1","Data":{"Keys":[null]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		kv := vaultForFuzz()
		if err := kv.Import(text); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		body, _ := json.Marshal(map[string]string{"value": base64.RawURLEncoding.EncodeToString(text)})
		for _, area := range []string{"secrets", "keys", "certificates"} {
			for _, path := range []string{area, area + "/a", area + "/a/versions"} {
				if w := call(kv, "GET", path, "", ""); w.Code >= 500 {
					t.Fatalf("%s: %d %s", path, w.Code, w.Body)
				}
			}
			if w := call(kv, "POST", area+"/restore", "", string(body)); w.Code >= 500 {
				t.Fatalf("restore: %d %s", w.Code, w.Body)
			}
		}
		if _, err := kv.Export(); err != nil {
			t.Fatal(err)
		}
	})
}
