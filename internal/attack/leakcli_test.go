package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/cli"
)

// What explain, check and mount print names no planted value, whether they succeed or fail, and mount writes the vault's
// into its target and nowhere else.
func TestPlantedValuesAreNotPrintedByTheProgram(t *testing.T) {
	t.Parallel()
	if os.Getenv(alone) == "" {
		runAlone(t)
		return
	}
	const vaultValue, password, wrong, certPass, pasted = "planted vault+value/7f3a", "planted-client-secret-9c1e", "planted-wrong-secret-77", "planted-pfx-password-55aa", "planted-and-pasted-31"
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	state := write("state.yaml", `
tenants: [{id: `+tenant+`, domain: shop.example}]
applications:
- name: app
  clientId: `+client+`
  secrets: [{name: one, value: "`+password+`", expires: 2100-01-01T00:00:00Z}]
  federatedCredentials: [{name: web, subject: "system:serviceaccount:shop:web"}]
vaults:
- name: kv-one
  policies: [{principal: app, secrets: [get]}]
  objects: [{kind: secret, name: a, versions: [{value: "`+vaultValue+`"}]}]
- {name: kv-shut}
`)
	bundle, _ := clientCertificate(t)
	key := bundle[strings.Index(bundle, "-----BEGIN PRIVATE")+40:][:60]
	assertion := jwt(map[string]any{"iss": issuer, "sub": "system:serviceaccount:bank:admin", "aud": []string{exchange}, "exp": 4102444800})
	for name, keys := range map[string]map[string]string{
		"good":    {"clientid": client, "clientsecret": password},
		"wrong":   {"clientid": client, "clientsecret": wrong},
		"swapped": {"clientid": password, "clientsecret": client},
		"cert":    {"clientid": client, "clientcertificate": bundle},
		"broken":  {"clientid": client, "clientcertificate": strings.Replace(bundle, "MII", "XII", 1), "clientcertificatepassword": certPass},
		"odd":     {"clientid": client, "clientsecret": password, pasted: wrong},
	} {
		for k, v := range keys {
			write("creds/"+name+"/"+k, v)
		}
	}
	write("creds/foreign", assertion)
	write("creds/no-token", wrong)
	class := func(name, vault, more string) string {
		return write(name+".yaml", `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: `+name+`}
spec:
  provider: azure
  parameters:
    keyvaultName: `+vault+`
    tenantId: `+tenant+more+`
    objects: |
      array:
        - |
          objectName: a
          objectType: secret
`)
	}
	classes := []string{class("principal", "kv-one", ""), class("shut", "kv-shut", ""), class("absent", "kv-none", ""), class("workload", "kv-one", "\n    clientID: "+client)}
	planted := map[string]string{
		"vault value": vaultValue, "client secret": password, "wrong secret": wrong, "certificate's password": certPass, "private key": key,
		"signature": assertion[strings.LastIndex(assertion, ".")+1:],
	}
	succeeded := map[string]int{}
	said := func(args ...string) {
		var out strings.Builder
		code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
		if code == 0 {
			succeeded[args[0]]++
		}
		tellsNothing(t, fmt.Sprint(args, " (", code, ")"), out.String(), planted)
		if out.Len() == 0 {
			t.Errorf("%v said nothing", args)
		}
	}
	ask := func(class int, proof ...string) []string {
		args := []string{"-f", classes[class], "--emulator", state, "--namespace", "shop", "--service-account", "web"}
		if len(proof) > 0 {
			args = append(args, proof[0], filepath.Join(dir, "creds", proof[1]))
		}
		return args
	}
	explain := func(format string, args []string) { said(append([]string{"explain", "-o", format}, args...)...) }
	mount := func(name string, args []string) {
		said(append([]string{"mount", "--target", filepath.Join(dir, "target", name)}, args...)...)
	}
	for i, file := range classes {
		said("check", file)
		if i > 0 {
			explain("text", ask(i, "--secrets-dir", "good"))
		}
	}
	for _, name := range []string{"swapped", "cert", "broken", "odd", "none", "foreign"} {
		explain("json", ask(0, "--secrets-dir", name))
	}
	for _, name := range []string{"good", "wrong"} {
		explain("text", ask(0, "--secrets-dir", name))
		explain("json", ask(0, "--secrets-dir", name))
		mount(name, ask(0, "--secrets-dir", name))
	}
	mount("broken", ask(0, "--secrets-dir", "broken"))
	for _, name := range []string{"foreign", "no-token", "good"} {
		explain("json", ask(3, "--token-file", name))
	}
	if succeeded["check"] == 0 || succeeded["explain"] == 0 || succeeded["mount"] == 0 {
		t.Errorf("succeeded: %v", succeeded)
	}
	for _, path := range grep(t, os.TempDir(), vaultValue) {
		if inTarget := strings.HasPrefix(path, filepath.Join(dir, "target")); !inTarget && path != state {
			t.Errorf("stray: %s", path)
		}
	}
}
