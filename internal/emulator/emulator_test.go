package emulator_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"strongroom/internal/emulator"
	"strongroom/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fetch makes one request and reads the whole answer.
func fetch(t *testing.T, client *http.Client, r *http.Request) (int, http.Header, []byte) {
	t.Helper()
	resp, err := client.Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

func request(method, target, body string, headers ...string) *http.Request {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func form(pairs ...string) string {
	values := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://vault.azure.net/.default"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

const formType = "application/x-www-form-urlencoded"

// askToken posts to a token endpoint's origin and gives the status and the token or the error.
func askToken(t *testing.T, e *emulator.Emulator, origin, tenantID, body string) (int, string) {
	t.Helper()
	status, _, answer := fetch(t, e.HTTPClient(), request("POST", origin+"/"+tenantID+"/oauth2/v2.0/token", body, "Content-Type", formType))
	var got struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return status, got.Token + got.Error
}

func TestAnUnknownNameGetsNoCertificate(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	client := e.HTTPClient()
	client.Transport.(*http.Transport).DialContext = nil // the listener itself, whatever the name
	port := e.Endpoints().Authority[strings.LastIndex(e.Endpoints().Authority, ":"):]
	for _, name := range []string{"no-such-vault.vault.azure.localhost", "localhost", "example.localhost"} {
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.ServerName = name
		_, err := (&http.Client{Transport: transport}).Get("https://127.0.0.1" + port)
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARemovedVaultStopsResolving(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	e.RemoveVault("Shop-Policies")
	_, err := e.HTTPClient().Get(e.VaultURL("shop-policies"))
	if err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("got %v", err)
	}
}

func TestTheClientGoesNowhereElse(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for _, target := range []string{"https://graph.windows.net/", "http://169.254.169.254/metadata/identity/oauth2/token", "http://127.0.0.1:9/"} {
		if _, err := e.HTTPClient().Get(target); err == nil || !strings.Contains(err.Error(), "no such host") {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestEndpointsAndCloudFile(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	ends := e.Endpoints()
	if e.VaultURL("kv") != "https://kv."+ends.VaultSuffix || ends.VaultResource != "https://"+ends.VaultSuffix || ends.IMDS["node-1"] == "" {
		t.Errorf("got %+v", ends)
	}
	var cloud map[string]string
	if err := json.Unmarshal(e.CloudFile(), &cloud); err != nil {
		t.Fatal(err)
	}
	if cloud["activeDirectoryEndpoint"] != ends.Authority+"/" || cloud["keyVaultDNSSuffix"] != ends.VaultSuffix || cloud["keyVaultEndpoint"] != ends.VaultResource+"/" ||
		cloud["resourceManagerEndpoint"] != ends.ResourceManager+"/" || !strings.HasPrefix(ends.ResourceManager, "https://management.azure.localhost:") {
		t.Errorf("got %v", cloud)
	}
	if block, _ := pem.Decode(e.CA()); block == nil || block.Type != "CERTIFICATE" {
		t.Error("the CA is not PEM")
	}
}

func TestTheHostEndpointAnswersBoundPods(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for namespace, want := range map[string]int{"default": 200, "bank": 404} {
		r := request("GET", e.Endpoints().NMI+"/host/token/?resource="+e.Endpoints().VaultResource, "", "podns", namespace, "podname", "web")
		status, _, body := fetch(t, e.HTTPClient(), r)
		if status != want || (status == 200 && !bytes.Contains(body, []byte(`"clientid":"`+identity+`"`))) {
			t.Errorf("%s: %d %s", namespace, status, body)
		}
	}
	if got := e.Counts()["nmi-token"]; got != 2 {
		t.Errorf("%d counted", got)
	}
}

func TestIdentityBindingThroughTheTokenProxy(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for audience, want := range map[string]int{"api://AKSIdentityBinding": 200, "api://AzureADTokenExchange": 401} {
		assertion, _, err := e.ServiceAccountToken("default", account, audience, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := askToken(t, e, e.Endpoints().TokenProxy, tenant, form("client_id", bound, "client_assertion", assertion,
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
		if status != want {
			t.Errorf("%s: %d %s", audience, status, answer)
		}
	}
}

func TestTheTokenProxyIsToldByItsServerName(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	client := e.HTTPClient()
	client.Transport.(*http.Transport).TLSClientConfig.ServerName = "a0123456789.ests.aks"
	status, _, body := fetch(t, client, request("POST", e.Endpoints().Authority+"/"+tenant+"/oauth2/v2.0/token",
		form("client_id", bound, "client_secret", "x"), "Content-Type", formType))
	if status != 400 || !bytes.Contains(body, []byte("api://AKSIdentityBinding")) {
		t.Errorf("%d %s", status, body)
	}
	if got := e.Counts()["proxy-token"]; got != 1 {
		t.Errorf("counts %v", e.Counts())
	}
}

func TestAnotherClustersIssuerIsKnownByItsKeys(t *testing.T) {
	t.Parallel()
	// The other cluster is an emulator too; only its key set is carried over.
	other := start(t, standard())
	_, _, keys := fetch(t, other.HTTPClient(), request("GET", other.Endpoints().Issuer+"/openid/v1/jwks", ""))
	e := start(t, document(t, `
tenants: [{id: `+tenant+`}]
applications:
- name: shop
  clientId: `+workload+`
  federatedCredentials:
  - {name: other, issuer: "`+other.Endpoints().Issuer+`", subject: "system:serviceaccount:default:web"}
  - {name: gone, issuer: "https://gone.example", subject: "system:serviceaccount:default:web"}
identities: [{name: bound, clientId: `+bound+`}]
identityBindings: [{identity: bound, namespace: default, serviceAccount: web}]
issuers: [{url: "`+other.Endpoints().Issuer+`", jwks: '`+strings.TrimSpace(string(keys))+`'}]
`))
	assertion, _, err := other.ServiceAccountToken("default", "web", "api://AzureADTokenExchange", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := askToken(t, e, e.Endpoints().Authority, tenant, form("client_id", workload, "client_assertion", assertion,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
	if status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	if assertion, _, err = other.ServiceAccountToken("default", "web", "api://AKSIdentityBinding", time.Hour); err != nil {
		t.Fatal(err)
	}
	status, answer = askToken(t, e, e.Endpoints().TokenProxy, tenant, form("client_id", bound, "client_assertion", assertion,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
	if status != 200 {
		t.Errorf("by the token proxy: %d %s", status, answer)
	}
}

func TestTheControlEndpointIsServed(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	base := e.Endpoints().Control + "/_emulator"
	status, _, body := fetch(t, e.HTTPClient(), request("PUT", base+"/faults", `[{"service":"entra","status":429,"retryAfter":"90s"}]`))
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	status, header, _ := fetch(t, e.HTTPClient(), request("GET", e.Endpoints().Authority+"/common/discovery/instance", ""))
	if status != 429 || header.Get("Retry-After") != "90" {
		t.Errorf("%d %v", status, header)
	}
	if _, _, body = fetch(t, e.HTTPClient(), request("GET", base+"/requests", "")); !bytes.Contains(body, []byte(`"discovery": 1`)) {
		t.Errorf("%s", body)
	}
	var token struct{ Token string }
	_, _, body = fetch(t, e.HTTPClient(), request("POST", base+"/serviceaccounttoken", `{"namespace":"default","name":"`+account+`"}`))
	if err := json.Unmarshal(body, &token); err != nil {
		t.Fatal(err)
	}
	e.ResetRequests()
	if err := e.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if status, answer := askToken(t, e, e.Endpoints().Authority, tenant, form("client_id", workload, "client_assertion", token.Token,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	if got := e.Counts(); got["token"] != 1 || got["issuer-oidc"] != 1 || got["issuer-jwks"] != 1 || len(got) != 3 {
		t.Errorf("counts %v", got)
	}
}

func TestAFaultConcernsOneNode(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, `
tenants: [{id: `+tenant+`}]
nodes: [{name: a, systemAssigned: true}, {name: b, systemAssigned: true}]
faults: [{service: imds, host: a, status: 429}]
`))
	for node, want := range map[string]int{"a": 429, "b": 200} {
		target := e.Endpoints().IMDS[node] + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"
		if status, _, body := fetch(t, e.HTTPClient(), request("GET", target, "", "Metadata", "true")); status != want {
			t.Errorf("%s: %d %s", node, status, body)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	with := func(a emulator.Addresses) emulator.Config {
		c := standard()
		c.Addresses = a
		return c
	}
	for name, test := range map[string]struct {
		config emulator.Config
		kind   fault.Kind
		text   string
	}{
		"no document":                {emulator.Config{}, fault.Invalid, "tenants: at least one is required"},
		"a control endpoint for all": {with(emulator.Addresses{Control: "0.0.0.0:0"}), fault.Invalid, "must be on loopback"},
		"a node that is not there":   {with(emulator.Addresses{IMDS: map[string]string{"x": "127.0.0.1:0"}}), fault.Invalid, "imds address of x"},
		"an address that is taken":   {with(emulator.Addresses{NMI: taken.Addr().String()}), fault.Unavailable, "cannot be listened on"},
		"an issuer without keys": {document(t, `{tenants: [{id: `+tenant+`}], issuers: [{url: "https://oidc.example", jwks: "none"}]}`),
			fault.Invalid, "issuer https://oidc.example: its key set cannot be read"},
		"what a service refuses": {document(t, `{tenants: [{id: `+tenant+`}], applications: [{name: a, clientId: x}, {name: b, tenantId: y}], vaults: [{name: kv1, tenantId: z}]}`),
			fault.Invalid, "applications[1]: application b: its tenant y is not in the directory"},
	} {
		if _, err := emulator.New(test.config); fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCloseGivesTheListenersBack(t *testing.T) {
	t.Parallel()
	e, err := emulator.New(standard())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(e.Endpoints().Control, "http://")
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
