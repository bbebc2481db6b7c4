package entra_test

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
)

// forge signs any claims with any key and header.
func forge(t *testing.T, key *rsa.PrivateKey, alg jose.SignatureAlgorithm, header, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(status int, body string) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})}
}

func closedToAll() *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("nobody answers")
	})}
}

// TestCertificateAssertion spells a good assertion in every way SDKs do, and spoils it in every way they might.
func TestCertificateAssertion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	if err := w.directory.AddCertificate("web", entra.ClientCertificate{Name: "old", Certificate: expiredPair().cert}); err != nil {
		t.Fatal(err)
	}
	der := webPair().cert.Raw
	long, short := sha256.Sum256(der), sha1.Sum(der)
	header := map[string]any{"x5t#S256": base64.StdEncoding.EncodeToString(long[:])}
	now := clock.NewFake().Now()
	claims := map[string]any{
		"aud": w.login + "/" + w.tenant.ID + "/oauth2/v2.0/token", "iss": w.web.ClientID, "sub": w.web.ClientID,
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": "1",
	}
	with := func(base map[string]any, name string, value any) map[string]any {
		changed := maps.Clone(base)
		changed[name] = value
		return changed
	}
	stranger := strangerPair().cert.Raw
	for _, tc := range []struct {
		name   string
		key    *rsa.PrivateKey // webPair's when nil
		alg    jose.SignatureAlgorithm
		header map[string]any
		claims map[string]any
		code   int // 0: accepted
		says   string
	}{
		{name: "Go", header: header},
		{name: "JavaScript", header: map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(long[:])}},
		{name: "older SDKs", alg: jose.RS256, header: map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(short[:])}},
		{name: "SHA-1 in padded base64", alg: jose.RS256, header: map[string]any{"x5t": base64.StdEncoding.EncodeToString(short[:])}},
		{name: "hexadecimal key id", header: map[string]any{"kid": strings.ToUpper(hex.EncodeToString(short[:]))}},
		{name: "chain alone", header: map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(der)}}},
		{name: "chain and thumbprint", header: with(header, "x5c", []string{base64.StdEncoding.EncodeToString(der)})},
		{name: "audience by domain", header: header, claims: with(claims, "aud", w.login+"/contoso.example/oauth2/v2.0/token")},
		{name: "audience by public name", header: header, claims: with(claims, "aud", "https://login.microsoftonline.com/"+w.tenant.ID+"/oauth2/token")},

		{name: "no thumbprint", code: 50027, says: "No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId"},
		{name: "thumbprint of no length", header: map[string]any{"x5t": "AAAA"}, code: 50027, says: "cannot be read"},
		{name: "chain of another", header: with(header, "x5c", []string{base64.StdEncoding.EncodeToString(stranger)}), code: 50027, says: "is not the one of the thumbprint"},
		{name: "unregistered certificate", key: strangerPair().key, header: map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(stranger)}},
			code: 700027, says: "[Reason - The key was not found., Thumbprint of key used by client: '"},
		{name: "another's key", key: strangerPair().key, header: header, code: 700027, says: fmt.Sprintf("did not match the expected signature value., Thumbprint of key used by client: '%X'", long)},
		{name: "expired certificate", key: expiredPair().key, header: map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(expiredPair().cert.Raw)}},
			code: 700027, says: "The key used is expired."},
		{name: "other subject", header: header, claims: with(claims, "sub", "7f3d2a5e-0000-4000-8000-000000000000"), code: 700021, says: "doesn't match 'client_id'"},
		{name: "audience elsewhere", header: header, claims: with(claims, "aud", "https://evil.example/"+w.tenant.ID+"/oauth2/v2.0/token"), code: 700023, says: "audience"},
		{name: "audience of another tenant", header: header, claims: with(claims, "aud", w.login+"/common/oauth2/v2.0/token"), code: 700023, says: "audience"},
		{name: "audience not the endpoint", header: header, claims: with(claims, "aud", w.login+"/"+w.tenant.ID), code: 700023, says: "audience"},
		{name: "expired", header: header, claims: with(claims, "exp", now.Unix()), code: 700024, says: "valid time range"},
		{name: "not yet", header: header, claims: with(claims, "nbf", now.Unix()+60), code: 700024, says: "valid time range"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.key == nil {
				tc.key = webPair().key
			}
			if tc.alg == "" {
				tc.alg = jose.PS256
			}
			if tc.claims == nil {
				tc.claims = claims
			}
			got := w.send(t, w.assertionAsk(forge(t, tc.key, tc.alg, tc.header, tc.claims)))
			if tc.code != 0 {
				expectRefusal(t, got, 401, "invalid_client", tc.code, tc.says)
				return
			}
			if got.Status != 200 {
				t.Fatalf("refused: %s", got.Description)
			}
			if c, err := w.directory.Verify(got.AccessToken); err != nil || c.Proof != entra.ByAssertion {
				t.Errorf("claims %+v, error %v", c, err)
			}
		})
	}

	for name, kind := range map[string]string{"missing": "", "unsupported": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"} {
		t.Run("assertion type "+name, func(t *testing.T) {
			a := w.assertionAsk(forge(t, webPair().key, jose.PS256, header, claims))
			a.form.Set("client_assertion_type", kind)
			if got := w.send(t, a); got.Status != 400 || got.Error != "invalid_request" {
				t.Errorf("got %d %s", got.Status, got.Description)
			}
		})
	}
}
