package cli

import (
	"flag"
	"net"
	"sync/atomic"
	"testing"

	"strongroom/internal/azure/cloud"
)

// environment is a process's environment with nothing in it but these.
func environment(vars map[string]string) Process {
	return Process{Getenv: func(name string) string { return vars[name] }}
}

func azureConfigOf(t *testing.T, p Process, args ...string) *azureConfig {
	t.Helper()
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	c := azureFlags(set, p)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// Without a flag the provider means Azure's public names. Nothing is called to find that out: everything would have to
// go through the proxy that is set here.
func TestWithoutAFlagItIsThePublicCloudAndNobodyIsCalled(t *testing.T) {
	t.Parallel()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := proxy.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			_ = conn.Close()
		}
	}()

	c := azureConfigOf(t, environment(map[string]string{"HTTPS_PROXY": "http://" + proxy.Addr().String()}))
	got, err := c.cloud()
	if err != nil {
		t.Fatal(err)
	}
	want := cloud.Cloud{
		Name: "AzurePublicCloud", Authority: "https://login.microsoftonline.com", VaultSuffix: "vault.azure.net",
		VaultResource: "https://vault.azure.net", ResourceManager: "https://management.azure.com", ManagerResource: "https://management.core.windows.net",
	}
	if got != want {
		t.Errorf("cloud %+v, want %+v", got, want)
	}
	if c.IMDS != "http://169.254.169.254" || c.NMI != "http://127.0.0.1:2579" {
		t.Errorf("metadata %s, pod identity %s", c.IMDS, c.NMI)
	}
	if !c.Chain || c.Split || c.CloudFiles != "" || c.LastKnownGood != 0 {
		t.Errorf("defaults differ from those of the replaced program: %+v", c)
	}
	parts, err := c.build(nil)
	if err != nil {
		t.Fatal(err)
	}
	parts.clients.Close()
	_ = proxy.Close()
	<-ended
	if calls.Load() != 0 {
		t.Errorf("%d connections to the proxy", calls.Load())
	}
}

func TestTheEnvironmentIsReadAndFlagsWin(t *testing.T) {
	t.Parallel()
	p := environment(map[string]string{
		"https_proxy": "http://proxy.example:3128", "no_proxy": "localhost", "KUBERNETES_SERVICE_PORT": "6443",
		"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1", "AZURE_ENVIRONMENT_FILEPATH": "/etc/cloud.json",
	})
	c := azureConfigOf(t, p)
	if c.HTTPSProxy != "http://proxy.example:3128" || c.NoProxy != "localhost" || c.APIServerPort != "6443" ||
		c.IMDS != "http://127.0.0.1:1" || c.CloudFile != "/etc/cloud.json" {
		t.Errorf("%+v", c)
	}
	if c := azureConfigOf(t, p, "--imds-endpoint", "http://127.0.0.1:2", "--cloud-file", ""); c.IMDS != "http://127.0.0.1:2" || c.CloudFile != "" {
		t.Errorf("%+v", c)
	}
}

// The demo's emulator must not be reached with what the environment says of a real Azure.
func TestASessionOverridesEverySettingOfARealAzure(t *testing.T) {
	t.Parallel()
	c := azureConfigOf(t, environment(map[string]string{"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "x"}), "--cloud-name", "AzureChinaCloud")
	s, err := newSession(demoName, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	ends := s.emulator.Endpoints()
	got, err := c.cloud()
	if err != nil {
		t.Fatal(err)
	}
	if got.Authority != ends.Authority || got.VaultSuffix != ends.VaultSuffix || c.NMI != ends.NMI || c.TokenProxy != ends.TokenProxy ||
		c.IMDS != ends.IMDS["node-1"] || c.HTTPSProxy != "" {
		t.Errorf("%+v\n%+v", got, c)
	}
}
