package cloud_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
)

func TestNamedKnowsEveryAliasInAnyCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ authority, vault, audience string }{
		"":                       {"https://login.microsoftonline.com", "https://kv.vault.azure.net", "api://AzureADTokenExchange"},
		"AzurePublicCloud":       {"https://login.microsoftonline.com", "https://kv.vault.azure.net", "api://AzureADTokenExchange"},
		"AZURECLOUD":             {"https://login.microsoftonline.com", "https://kv.vault.azure.net", "api://AzureADTokenExchange"},
		" AzurePublicCloud ":     {"https://login.microsoftonline.com", "https://kv.vault.azure.net", "api://AzureADTokenExchange"},
		"AzureUSGovernmentCloud": {"https://login.microsoftonline.us", "https://kv.vault.usgovcloudapi.net", "api://AzureADTokenExchangeUSGov"},
		"azureusgovernment":      {"https://login.microsoftonline.us", "https://kv.vault.usgovcloudapi.net", "api://AzureADTokenExchangeUSGov"},
		"AzureChinaCloud":        {"https://login.chinacloudapi.cn", "https://kv.vault.azure.cn", "api://AzureADTokenExchangeChina"},
		"azureGERMANcloud":       {"https://login.microsoftonline.de", "https://kv.vault.microsoftazure.de", "api://AzureADTokenExchange"},
	} {
		c, err := cloud.Named(name)
		if err != nil {
			t.Errorf("Named(%q): %v", name, err)
			continue
		}
		got := struct{ authority, vault, audience string }{c.Authority, c.VaultURL("KV"), c.ExchangeAudience()}
		if got != want {
			t.Errorf("Named(%q) = %v, want %v", name, got, want)
		}
		if c.VaultResource != "https://"+c.VaultSuffix || !strings.HasPrefix(c.ResourceManager, "https://management.") ||
			!strings.HasPrefix(c.ManagerResource, "https://management.core.") {
			t.Errorf("Named(%q): resource %q, manager %q with %q", name, c.VaultResource, c.ResourceManager, c.ManagerResource)
		}
	}
}

func TestNamedRefusesWithARemedy(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"AzureMoonCloud":           "use one of AzurePublicCloud",
		"AzureStackCloud":          "set cloudEnvFileName",
		strings.Repeat("x", 1<<20): "use one of AzurePublicCloud",
	} {
		_, err := cloud.Named(name)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Explain(err), want) || len(err.Error()) > 300 {
			t.Errorf("Named(%.20q): %.400v", name, err)
		}
	}
}

const custom = `{
  "name": "Contoso",
  "managementPortalURL": "https://portal.contoso.example/",
  "activeDirectoryEndpoint": "https://Login.contoso.example:8443/adfs/",
  "keyVaultEndpoint": "https://vault.contoso.example/",
  "keyVaultDNSSuffix": "vault.contoso.example:9443",
  "resourceManagerEndpoint": "https://management.contoso.example/",
  "resourceIdentifiers": {"graph": "N/A"}
}`

func TestParseReadsACustomEnvironment(t *testing.T) {
	t.Parallel()
	want := cloud.Cloud{
		Name:            "Contoso",
		Authority:       "https://login.contoso.example:8443/adfs",
		VaultSuffix:     "vault.contoso.example:9443",
		VaultResource:   "https://vault.contoso.example",
		ResourceManager: "https://management.contoso.example",
		ManagerResource: "https://management.contoso.example",
	}
	for _, text := range []string{custom, "\xef\xbb\xbf" + custom} {
		got, err := cloud.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	audience := strings.Replace(custom, `"resourceIdentifiers"`, `"serviceManagementEndpoint": "https://management.contoso.example/1234/", "x"`, 1)
	if got, err := cloud.Parse([]byte(audience)); err != nil || got.ManagerResource != "https://management.contoso.example/1234" {
		t.Errorf("%+v, %v", got, err)
	}
	if got := want.VaultURL("Prod"); got != "https://prod.vault.contoso.example:9443" {
		t.Error(got)
	}
}

func TestParseTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, m := range []struct{ old, new, want string }{
		{`"name": "Contoso"`, `"name": " "`, "key name: is missing"},
		{`"name": "Contoso"`, `"name": "a\u0000b"`, "key name: must be"},
		{`"keyVaultDNSSuffix"`, `"other"`, "key keyVaultDNSSuffix: is missing"},
		{`https://Login`, `http://Login`, "key activeDirectoryEndpoint: must begin with https://"},
		{`https://Login.contoso.example:8443/adfs/`, `https://`, "names no proper host"},
		{`https://Login.contoso.example:8443/adfs/`, `https://user@host/`, "may hold only"},
		{`https://Login.contoso.example:8443/adfs/`, `https://host/?x=y`, "may hold only"},
		{`https://Login.contoso.example:8443/adfs/`, `https://host:99999/`, "names no proper host"},
		{`https://Login.contoso.example:8443/adfs/`, `https://ho%zz/`, "is not an address"},
		{`vault.contoso.example:9443`, `evil.example/`, "key keyVaultDNSSuffix: is no host name"},
		{`vault.contoso.example:9443`, `x@evil.example`, "key keyVaultDNSSuffix: is no host name"},
		{`vault.contoso.example:9443`, `evil.example#`, "key keyVaultDNSSuffix: is no host name"},
		{custom, `[]`, "is not a JSON object"},
		{custom, `{`, "is not a JSON object"},
		{custom, ``, "is not a JSON object"},
		{custom, strings.Repeat(" ", cloud.MaxDocument+1), "is larger than 64 KiB"},
	} {
		_, err := cloud.Parse([]byte(strings.Replace(custom, m.old, m.new, 1)))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%.40q -> %.40q: %v, want %q", m.old, m.new, err, m.want)
		}
	}
}

func TestParseTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := cloud.Parse([]byte(`{"name": "x", "activeDirectoryEndpoint": "http://a/"}`))
	for _, want := range []string{"activeDirectoryEndpoint", "keyVaultEndpoint", "keyVaultDNSSuffix"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// FuzzParse holds that whatever document is accepted gives addresses that stay where they point: https, the vault's
// name first in the host, nothing after it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(custom))
	f.Add([]byte(`{"name":"x","activeDirectoryEndpoint":"https://a","keyVaultEndpoint":"https://b","keyVaultDNSSuffix":".c"}`))
	f.Add([]byte(`{"name":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := cloud.Parse(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("kind %v", fault.KindOf(err))
			}
			return
		}
		host, _ := strings.CutPrefix(c.VaultURL("kv"), "https://kv.")
		if host == "" || strings.ContainsAny(host, "/?#@\\ ") || !strings.HasPrefix(c.Authority, "https://") || c.Name == "" {
			t.Fatalf("%+v", c)
		}
	})
}
