package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
)

// posted checks the one request of a flow and gives its form without the fields that every flow has.
func posted(t *testing.T, s *server, path string) url.Values {
	t.Helper()
	r, body := s.only(t)
	if r.Method != http.MethodPost || r.URL.Path != path || r.URL.RawQuery != "" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	if got := r.Header.Get("User-Agent"); got != "strongroom/test shop" {
		t.Errorf("user agent %q", got)
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"client_id": clientID, "grant_type": "client_credentials", "scope": vault + "/.default",
	} {
		if got := form[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q", name, got)
		}
		form.Del(name)
	}
	return form
}

const capability = `{"access_token":{"xms_cc":{"values":["CP1"]}}}`

func TestClientSecret(t *testing.T) {
	t.Parallel()
	s := secure(t, says(200, goodToken))
	client, now := newClient(t, s, nil)
	got, err := client.ClientSecret(t.Context(), target(s), secret.NewValue([]byte("p&ss=w+rd ü")))
	checkToken(t, got, err, now.Now(), time.Hour, 48*time.Minute, clientID)
	form := posted(t, s, "/"+tenant+"/oauth2/v2.0/token")
	if diff := cmp.Diff(url.Values{"client_secret": {"p&ss=w+rd ü"}, "claims": {capability}}, form); diff != "" {
		t.Error(diff)
	}
}

func TestFederated(t *testing.T) {
	t.Parallel()
	s := secure(t, says(200, goodToken))
	client, now := newClient(t, s, nil)
	got, err := client.Federated(t.Context(), target(s), serviceAccount())
	checkToken(t, got, err, now.Now(), time.Hour, 48*time.Minute, clientID)
	form := posted(t, s, "/"+tenant+"/oauth2/v2.0/token")
	if diff := cmp.Diff(url.Values{
		"client_assertion":      {jwt},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"claims":                {capability},
	}, form); diff != "" {
		t.Error(diff)
	}
}

func TestClaimsAreMerged(t *testing.T) {
	t.Parallel()
	for challenge, want := range map[string]string{
		`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`: `{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["CP1"]}}}`,
		`{"id_token":{"a":1}}`:   `{"access_token":{"xms_cc":{"values":["CP1"]}},"id_token":{"a":1}}`,
		`{"access_token":"odd"}`: capability,
		`[1]`:                    capability,
		`null`:                   capability,
		`not JSON`:               capability,
	} {
		s := secure(t, says(200, goodToken))
		client, _ := newClient(t, s, nil)
		asked := target(s)
		asked.Claims = challenge
		if _, err := client.Federated(t.Context(), asked, serviceAccount()); err != nil {
			t.Fatal(err)
		}
		if got := posted(t, s, "/"+tenant+"/oauth2/v2.0/token").Get("claims"); got != want {
			t.Errorf("%s: got %s", challenge, got)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	pair := mint(t)
	for name, c := range map[string]struct {
		tenant, path string
		algorithm    jose.SignatureAlgorithm
		thumbprint   string
	}{
		"Entra ID": {tenant, "/" + tenant + "/oauth2/v2.0/token", jose.PS256, "x5t#S256"},
		"AD FS":    {"ADFS", "/adfs/oauth2/token/", jose.RS256, "x5t"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, err := token.ParseCertificate(pair.pem("PRIVATE KEY"), secret.Value{})
			if err != nil {
				t.Fatal(err)
			}
			s := secure(t, says(200, goodToken))
			client, now := newClient(t, s, nil)
			asked := target(s)
			asked.Tenant = c.tenant
			got, err := client.ClientCertificate(t.Context(), asked, certificate)
			checkToken(t, got, err, now.Now(), time.Hour, 48*time.Minute, clientID)

			form := posted(t, s, c.path)
			parsed, err := josejwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{c.algorithm})
			if err != nil {
				t.Fatal(err)
			}
			var claims josejwt.Claims
			if err := parsed.Claims(pair.key.Public(), &claims); err != nil {
				t.Fatal("the signature does not hold: ", err)
			}
			if err := claims.Validate(josejwt.Expected{
				Issuer: clientID, Subject: clientID, AnyAudience: josejwt.Audience{s.URL + c.path}, Time: now.Now(),
			}); err != nil {
				t.Error(err)
			}
			if life := claims.Expiry.Time().Sub(now.Now()); life != 10*time.Minute || claims.ID == "" {
				t.Errorf("life %s, id %q", life, claims.ID)
			}
			if print, _ := parsed.Headers[0].ExtraHeaders[jose.HeaderKey(c.thumbprint)].(string); c.thumbprint == "x5t#S256" {
				sum := sha256.Sum256(pair.der)
				if print != base64.RawURLEncoding.EncodeToString(sum[:]) {
					t.Errorf("thumbprint %q", print)
				}
			}
		})
	}
}

func TestWhereTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	s := secure(t, says(200, goodToken))
	client, _ := newClient(t, s, nil)
	for name, mutate := range map[string]func(*token.Target){
		"plain http":            func(t *token.Target) { t.Authority = "http" + strings.TrimPrefix(t.Authority, "https") },
		"no authority":          func(t *token.Target) { t.Authority = "" },
		"user in the authority": func(t *token.Target) { t.Authority = "https://a@" + strings.TrimPrefix(t.Authority, "https://") },
		"query":                 func(t *token.Target) { t.Authority += "?x" },
		"no tenant":             func(t *token.Target) { t.Tenant = "" },
		"tenant with a slash":   func(t *token.Target) { t.Tenant = "a/b" },
		"tenant that climbs":    func(t *token.Target) { t.Tenant = ".." },
		"tenant with a query":   func(t *token.Target) { t.Tenant = "a?b" },
		"tenant with escapes":   func(t *token.Target) { t.Tenant = "a%2fb" },
	} {
		asked := target(s)
		mutate(&asked)
		_, err := client.ClientSecret(t.Context(), asked, secret.NewValue([]byte("p")))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d requests were made", len(s.seen))
	}
}
