package imds_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/imds"
)

// Whoever asks wrongly is told so, and never gets the token of an identity that the machine does not have.
func FuzzRequest(f *testing.F) {
	f.Add("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x", "true", "")
	f.Add("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x&client_id=&object_id=b&msi_res_id=%00", "true", "")
	f.Add("/metadata/instance?api-version=%zz", "TRUE", "1.2.3.4")
	fake := clock.NewFake()
	server := imds.New(imds.Config{Assigned: func() imds.Assigned { return node(false, "a") }, Tokens: signer{fake}, Clock: fake})
	f.Fuzz(func(t *testing.T, target, metadata, forwarded string) {
		r, err := http.NewRequest(http.MethodGet, "http://169.254.169.254"+target, nil)
		if err != nil || r.URL.Host != "169.254.169.254" {
			return
		}
		r.Header.Set("Metadata", metadata)
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		var got struct {
			Token string `json:"access_token"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &got)
		if w.Code >= 500 || got.Token != "" && (got.Token != "token for a" || w.Code != http.StatusOK || forwarded != "") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
