package hosts_test

import (
	"strings"
	"testing"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/hosts"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]hosts.Place{
		"login.azure.localhost:8443":       {Service: faults.Entra},
		"login.microsoftonline.com":        {Service: faults.Entra},
		"LOGIN.partner.microsoftonline.cn": {Service: faults.Entra},
		"issuer.azure.localhost":           {Service: faults.Issuer},
		"tokenproxy.azure.localhost:1":     {Service: faults.TokenProxy},
		"a0123.ests.aks":                   {Service: faults.TokenProxy},
		"KV-1.vault.azure.localhost:8443":  {Service: faults.KeyVault, Vault: "kv-1"},
		"kv.vault.azure.net.":              {Service: faults.KeyVault, Vault: "kv"},
		"kv.vault.usgovcloudapi.net:443":   {Service: faults.KeyVault, Vault: "kv"},
		"kv.vault.azure.cn":                {Service: faults.KeyVault, Vault: "kv"},
		"management.azure.localhost:8443":  {Service: faults.ARM},
		"graph.azure.localhost:8443":       {Service: faults.Graph},
		"Graph.microsoft.com":              {Service: faults.Graph},
		"graph.microsoft.us:443":           {Service: faults.Graph},
		"Management.azure.com:443":         {Service: faults.ARM},
		"management.usgovcloudapi.net":     {Service: faults.ARM},
	} {
		if got, ok := hosts.Locate(host); !ok || got != want {
			t.Errorf("%s: got %+v, %v", host, got, ok)
		}
	}
	for _, host := range []string{
		"", "localhost", "127.0.0.1:8443", "[::1]:8443", "vault.azure.net", ".vault.azure.net", "a.b.vault.azure.net",
		"kv.vault.azure.net.example.com", "xvault.azure.net", "graph.windows.net", "management.core.windows.net", "x.management.azure.com", "ests.aks", "notlogin.azure.localhost.example",
	} {
		if got, ok := hosts.Locate(host); ok {
			t.Errorf("%s: got %+v, want nothing", host, got)
		}
	}
}

func TestPublicLogin(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"kv.vault.azure.net":             "login.microsoftonline.com",
		"kv.vault.usgovcloudapi.net:443": "login.microsoftonline.us",
		"management.chinacloudapi.cn":    "login.chinacloudapi.cn",
		"kv.vault.azure.localhost:8443":  "",
		"management.azure.localhost":     "",
	} {
		if got := hosts.PublicLogin(host); got != want {
			t.Errorf("%s: got %q", host, got)
		}
	}
}

func TestManagerAudiences(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"management.azure.com":            "https://management.core.windows.net https://management.azure.com",
		"management.usgovcloudapi.net:1":  "https://management.core.usgovcloudapi.net https://management.usgovcloudapi.net",
		"Management.azure.localhost:8443": "https://management.core.windows.net https://management.azure.com https://management.azure.localhost:8443",
	} {
		if got := strings.Join(hosts.ManagerAudiences(host), " "); got != want {
			t.Errorf("%s: got %s", host, got)
		}
	}
}

func TestVaultsOf(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"management.azure.localhost:8443": "vault.azure.localhost:8443", "management.azure.localhost": "vault.azure.localhost",
		"management.azure.com": "vault.azure.net", "MANAGEMENT.usgovcloudapi.net:443": "vault.usgovcloudapi.net",
	} {
		if got := hosts.VaultsOf(host); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}
