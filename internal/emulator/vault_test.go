package emulator_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

// tokenFor signs a token without the way through Entra.
func tokenFor(t testing.TB, e *emulator.Emulator, client, resource string, g entra.Grant) string {
	t.Helper()
	p, known := e.Directory().Find(client)
	if !known {
		t.Fatalf("%s is not in the directory", client)
	}
	token, err := e.Directory().Issue(p.ObjectID, resource, g)
	if err != nil {
		t.Fatal(err)
	}
	return string(token.Value.Reveal())
}

const getSecret = "/secrets/secret1?api-version=7.4"

func TestTheVaultJudgesTheToken(t *testing.T) {
	t.Parallel()
	config := standard()
	config.Document.Tenants = append(config.Document.Tenants, entra.Tenant{ID: "99999999-aaaa-4aaa-8aaa-999999999999"})
	for i := range config.Document.Applications {
		config.Document.Applications[i].TenantID = tenant
	}
	for i := range config.Document.Identities {
		config.Document.Identities[i].TenantID = tenant
	}
	config.Document.Nodes[0].TenantID = tenant
	for i := range config.Document.Vaults {
		config.Document.Vaults[i].TenantID = tenant
	}
	config.Document.Applications = append(config.Document.Applications, entra.Application{Name: "stranger", TenantID: "99999999-aaaa-4aaa-8aaa-999999999999"})
	e := start(t, config)
	resource := e.Endpoints().VaultResource
	stranger, _ := e.Directory().Find("stranger")
	for name, test := range map[string]struct {
		token string
		code  string // empty: taken
	}{
		"a good one":       {tokenFor(t, e, servicePrincipal, resource, entra.Grant{}), ""},
		"none":             {"", "AKV10000: Request is missing a Bearer or PoP token."},
		"another resource": {tokenFor(t, e, servicePrincipal, "https://vault.azure.net", entra.Grant{}), "AKV10022: Invalid audience."},
		"another tenant":   {tokenFor(t, e, stranger.ClientID, resource, entra.Grant{}), "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/" + tenant + "/"},
		"expired":          {tokenFor(t, e, servicePrincipal, resource, entra.Grant{Lifetime: -time.Second}), "IDX10223"},
		"rubbish":          {"rubbish", "IDX12741"},
	} {
		r := request("GET", e.VaultURL("shop-policies")+getSecret, "")
		if test.token != "" {
			r.Header.Set("Authorization", "Bearer "+test.token)
		}
		status, header, body := fetch(t, e.HTTPClient(), r)
		if test.code == "" {
			if status != 200 || !bytes.Contains(body, []byte("demo-secret-one")) {
				t.Errorf("%s: %d %s", name, status, body)
			}
			continue
		}
		challenge := `Bearer authorization="` + e.Endpoints().Authority + "/" + tenant + `", resource="` + resource + `"`
		if status != 401 || !bytes.Contains(body, []byte(test.code)) || header.Get("WWW-Authenticate") != challenge {
			t.Errorf("%s: %d %s\n%s", name, status, body, header.Get("WWW-Authenticate"))
		}
	}
}

func TestPublicVaultNamesPointToPublicLogins(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for suffix, login := range map[string]string{
		"vault.azure.net": "login.microsoftonline.com", "vault.usgovcloudapi.net": "login.microsoftonline.us", "vault.azure.cn": "login.chinacloudapi.cn",
	} {
		_, header, _ := fetch(t, e.HTTPClient(), request("PUT", "https://shop-rbac."+suffix+"/secrets/x?api-version=7.4", ""))
		want := `Bearer authorization="https://` + login + "/" + tenant + `", resource="https://` + suffix + `"`
		if got := header.Get("WWW-Authenticate"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestAVaultDownAndUpAgain(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	client := e.HTTPClient()
	ask := func(vault string) (*http.Response, error) {
		r := request("GET", e.VaultURL(vault)+getSecret, "", "Authorization", "Bearer "+tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{}))
		resp, err := client.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return resp, err
	}
	if err := e.SetFaults([]emulator.Fault{{Service: faults.KeyVault, Host: "shop-policies", Outage: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ask("shop-policies"); err == nil {
		t.Error("a vault that is down answered")
	}
	if resp, err := ask("shop-rbac"); err != nil || resp.StatusCode != 200 {
		t.Errorf("the other vault: %v", err)
	}
	if err := e.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if resp, err := ask("shop-policies"); err != nil || resp.StatusCode != 200 {
		t.Errorf("after the outage: %v", err)
	}
	if err := e.SetFaults([]emulator.Fault{{Service: "graph"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestEachServiceHasItsOwnClock(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	token := tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	for skew, want := range map[time.Duration]int{2 * time.Hour: 401, -time.Hour: 401, time.Minute: 200} {
		if err := e.SetFaults([]emulator.Fault{{Service: faults.KeyVault, ClockSkew: skew}}); err != nil {
			t.Fatal(err)
		}
		status, _, body := fetch(t, e.HTTPClient(), request("GET", e.VaultURL("shop-policies")+getSecret, "", "Authorization", "Bearer "+token))
		if status != want {
			t.Errorf("%s: %d %s", skew, status, body)
		}
	}
}

func TestSecretsStayOutOfTheLogAndTheControlEndpoint(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	token := tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	fetch(t, e.HTTPClient(), request("GET", e.VaultURL("shop-policies")+getSecret, "", "Authorization", "Bearer "+token))
	askToken(t, e, e.Endpoints().Authority, tenant, form("client_id", servicePrincipal, "client_secret", clientSecret))
	for _, path := range []string{"", "endpoints", "requests", "faults", "cloud.json", "ca.pem"} {
		_, _, body := fetch(t, e.HTTPClient(), request("GET", e.Endpoints().Control+"/_emulator/"+path, ""))
		for _, planted := range []string{"demo-secret-one", clientSecret, token} {
			if strings.Contains(string(body), planted) {
				t.Errorf("%s shows %s", path, planted)
			}
		}
	}
}

func TestSeedingWhileItRuns(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	next := keyvault.Object{Kind: "secret", Name: "secret1", Versions: []keyvault.Version{{Value: keyvault.TextOf("demo-secret-two")}}}
	if err := e.Vaults().Seed("shop-policies", []keyvault.Object{next}); err != nil {
		t.Fatal(err)
	}
	token := tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	_, _, body := fetch(t, e.HTTPClient(), request("GET", e.VaultURL("shop-policies")+getSecret, "", "Authorization", "Bearer "+token))
	if !bytes.Contains(body, []byte("demo-secret-two")) {
		t.Errorf("%s", body)
	}
}
