package emulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
)

// The tests here hold the emulator to what SDKs of several languages were seen to send and to expect.

func TestSpellingsOfRequests(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	bearer := "Bearer " + tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	vault, authority := e.VaultURL("shop-policies"), e.Endpoints().Authority
	credentials := form("client_id", servicePrincipal, "client_secret", clientSecret)
	for name, r := range map[string]*http.Request{
		"an encoded query key":         request("GET", vault+"/secrets/secret1/?api%2Dversion=2025-07-01", "", "Authorization", bearer),
		"doubled slashes":              request("GET", vault+"//secrets/secret1?api-version=7.4", "", "Authorization", bearer),
		"a trailing slash":             request("GET", vault+"/secrets/secret1/?api-version=7.4", "", "Authorization", bearer),
		"a bare question mark":         request("GET", authority+"/"+tenant+"/v2.0/.well-known/openid-configuration?", ""),
		"a POST with a query":          request("POST", authority+"/"+tenant+"/oauth2/v2.0/token?client-request-id=1", credentials, "Content-Type", formType),
		"a POST with a doubled slash":  request("POST", authority+"//"+tenant+"/oauth2/v2.0/token", credentials, "Content-Type", formType),
		"a trailing slash for IMDS":    request("GET", e.Endpoints().IMDS["node-1"]+"/metadata/identity/oauth2/token/?api-version=2018-02-01&resource=https://vault.azure.net", "", "Metadata", "true"),
		"a form content type for IMDS": request("GET", e.Endpoints().IMDS["node-1"]+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net", "", "Metadata", "true", "Content-Type", formType),
	} {
		if status, _, body := fetch(t, e.HTTPClient(), r); status != 200 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestOneHostServesTheWholeAuthority(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for _, origin := range []string{e.Endpoints().Authority, "https://login.microsoftonline.com"} {
		var document struct {
			Issuer, Token, Keys string
		}
		_, _, body := fetch(t, e.HTTPClient(), request("GET", origin+"/"+tenant+"/v2.0/.well-known/openid-configuration", ""))
		fields := map[string]any{}
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatal(err)
		}
		document.Issuer, _ = fields["issuer"].(string)
		document.Token, _ = fields["token_endpoint"].(string)
		document.Keys, _ = fields["jwks_uri"].(string)
		for _, address := range []string{document.Issuer, document.Token, document.Keys} {
			if !strings.HasPrefix(address, origin+"/") {
				t.Errorf("%q is not at %s", address, origin)
			}
		}
		if status, _, keys := fetch(t, e.HTTPClient(), request("GET", document.Keys, "")); status != 200 || !bytes.Contains(keys, []byte(`"RS256"`)) {
			t.Errorf("%d %s", status, keys)
		}
		_, _, discovery := fetch(t, e.HTTPClient(), request("GET", origin+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+origin+"/"+tenant+"/oauth2/v2.0/authorize", ""))
		if host := strings.TrimPrefix(origin, "https://"); !bytes.Contains(discovery, []byte(`"`+host+`"`)) {
			t.Errorf("%s is not among the aliases: %s", host, discovery)
		}
	}
}

func TestAnEmptyWriteIsChallenged(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	status, header, body := fetch(t, e.HTTPClient(), request("PUT", e.VaultURL("shop-policies")+"/secrets/new?api-version=7.4", ""))
	if status != 401 || header.Get("WWW-Authenticate") == "" || !bytes.Contains(body, []byte("AKV10000: Request is missing a Bearer or PoP token.")) {
		t.Errorf("%d %v %s", status, header, body)
	}
	if e.Counts()["challenge"] != 1 {
		t.Errorf("counts %v", e.Counts())
	}
}

func TestEveryServiceSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for _, origin := range []string{e.Endpoints().Authority, e.Endpoints().Issuer, e.Endpoints().ResourceManager, e.VaultURL("shop-rbac")} {
		resp, err := e.HTTPClient().Get(origin)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("%s: %s", origin, resp.Proto)
		}
	}
}

func TestTheSDKWaitsAndGivesUpAsToldByThrottling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault emulator.Fault
		tries int
		works bool
	}{
		"no Retry-After, twice":          {emulator.Fault{Service: faults.KeyVault, Status: 429, Count: 2}, 4, true}, // the challenge is one of them
		"longer than an SDK will wait":   {emulator.Fault{Service: faults.KeyVault, Status: 429, RetryAfter: 90 * time.Second}, 1, false},
		"away for as long as it retries": {emulator.Fault{Service: faults.KeyVault, Status: 503}, 4, false},
		"a body that is cut":             {emulator.Fault{Service: faults.KeyVault, CutBody: true, Path: "/secrets/secret1", Count: 2}, 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, standard())
			o := options(e)
			credential := secretCredential(t, o)
			o.Retry = policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: time.Minute}
			if err := e.SetFaults([]emulator.Fault{test.fault}); err != nil {
				t.Fatal(err)
			}
			_, err := secretsOf(t, e.VaultURL("shop-policies"), credential, o).GetSecret(t.Context(), "secret1", "", nil)
			if (err == nil) != test.works {
				t.Errorf("got %v", err)
			}
			var refused *azcore.ResponseError
			if !test.works && (!errors.As(err, &refused) || refused.StatusCode != test.fault.Status) {
				t.Errorf("got %v", err)
			}
			if got := e.Counts()["secret-get"] + e.Counts()["challenge"]; got != test.tries {
				t.Errorf("%d requests, want %d: %v", got, test.tries, e.Counts())
			}
		})
	}
}
