//go:build azurelive

package azurelive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// absent is an object that no vault of anybody's has.
const absent = "strongroom-live-not-there"

// manifest writes a class with the parameters that choose the identity, and gives the file's name and the files that a
// mount of it makes.
func manifest(t *testing.T, identity map[string]string, missing bool) (path string, files []string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata:\n  name: live\nspec:\n  provider: azure\n  parameters:\n")
	parameter := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "    %s: %q\n", name, value)
		}
	}
	for name, value := range identity {
		parameter(name, value)
	}
	parameter("keyvaultName", os.Getenv(vaultName))
	parameter("tenantID", os.Getenv(tenant))
	parameter("cloudName", os.Getenv(cloudName))
	b.WriteString("    objects: |\n      array:\n")
	object := func(kind, name, alias string, more ...string) {
		if name == "" {
			return
		}
		files = append(files, alias)
		fmt.Fprintf(&b, "        - |\n          objectName: %s\n          objectType: %s\n          objectAlias: %s\n", name, kind, alias)
		for _, line := range more {
			fmt.Fprintf(&b, "          %s\n", line)
		}
	}
	object("secret", os.Getenv(secretName), "secret")
	object("key", os.Getenv(keyName), "key")
	object("secret", os.Getenv(certName), "bundle.pem")
	object("secret", os.Getenv(certName), "bundle.pfx", "objectFormat: pfx", "objectEncoding: base64")
	object("cert", os.Getenv(certName), "leaf.pem")
	if missing {
		object("secret", absent, "absent")
	}
	path = filepath.Join(t.TempDir(), "class.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, files
}

// shapes is what a file of each name begins with.
var shapes = map[string]string{
	"key":        "-----BEGIN PUBLIC KEY-----",
	"bundle.pem": "-----BEGIN PRIVATE KEY-----",
	"bundle.pfx": "\x30", // a DER sequence
	"leaf.pem":   "-----BEGIN CERTIFICATE-----",
}
