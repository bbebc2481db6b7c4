package entra_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/secret"
)

// Nobody gets a token but by the right secret, whatever a request and its assertion hold; a refusal is the client's
// mistake and never repeats the assertion.
//
//fuzz:share 2
func FuzzTokenRequest(f *testing.F) {
	fake := clock.NewFake()
	directory := entra.NewDirectory(entra.DirectoryConfig{Clock: fake})
	directory.ShareKey(keyHolder())
	tenant, err := directory.AddTenant(entra.Tenant{Domain: "contoso.example"})
	if err != nil {
		f.Fatal(err)
	}
	app, err := directory.AddApplication(entra.Application{
		Name: "web", Secrets: []entra.ClientSecret{{Name: "main", Value: secret.NewValue([]byte(goodPassword))}},
		Certificates: []entra.ClientCertificate{{Name: "main", Certificate: webPair().cert}},
	})
	if err != nil {
		f.Fatal(err)
	}
	nobody := &http.Client{Transport: refusing{}, Timeout: time.Second}
	server := entra.New(entra.Config{Directory: directory, Clock: fake, Issuers: nobody, Hosts: []string{"login.azure.localhost"}})
	const assertion = "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion="
	base := "grant_type=client_credentials&scope=https://vault.azure.net/.default&client_id=" + app.ClientID
	f.Add(tenant.ID+"/oauth2/v2.0/token", base+assertion+"eyJhbGciOiJSUzI1NiIsIng1dCI6IkFBIn0.eyJleHAiOjF9.AA")
	f.Add(tenant.ID+"/oauth2/v2.0/token", base+assertion+"eyJhbGciOiJQUzI1NiIsIng1YyI6WyIiXX0.eyJleHAiOjE5MDAwMDAwMDAsImF1ZCI6WyJ4IiwieSJdfQ.AA")
	f.Add("contoso.example/oauth2/token", base+"&client_secret=wrong&resource=x&claims={\"access_token\":{\"xms_cc\":null}}")
	f.Add("adfs/oauth2/token/", base+"&client_secret=%zz")
	f.Add("common/discovery/instance", "authorization_endpoint=https://x")
	f.Fuzz(func(t *testing.T, path, form string) {
		u := &url.URL{Scheme: "https", Host: "login.azure.localhost", Path: "/" + path, RawQuery: form}
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			r, err := http.NewRequest(method, u.String(), strings.NewReader(form))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", formType)
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			given := strings.Contains(w.Body.String(), `"access_token"`) && w.Code == http.StatusOK
			if w.Code >= 500 || w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) && w.Code == http.StatusOK || given && !strings.Contains(form, "correct") {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}

const formType = "application/x-www-form-urlencoded"

// refusing lets nobody be asked: an issuer that a token names is anybody's word.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "dial", URL: r.URL.Host, Err: http.ErrServerClosed}
}
