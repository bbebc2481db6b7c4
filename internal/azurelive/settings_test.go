//go:build azurelive

package azurelive

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The settings. Those of a mode switch its test on; at least one mode is needed.
const (
	vaultName     = "STRONGROOM_LIVE_VAULT"
	tenant        = "STRONGROOM_LIVE_TENANT"
	cloudName     = "STRONGROOM_LIVE_CLOUD"
	secretName    = "STRONGROOM_LIVE_SECRET"
	keyName       = "STRONGROOM_LIVE_KEY"
	certName      = "STRONGROOM_LIVE_CERT"
	workload      = "STRONGROOM_LIVE_WORKLOAD_CLIENT"
	workloadToken = "STRONGROOM_LIVE_WORKLOAD_TOKEN_FILE"
	binding       = "STRONGROOM_LIVE_BINDING_CLIENT"
	bindingToken  = "STRONGROOM_LIVE_BINDING_TOKEN_FILE"
	principal     = "STRONGROOM_LIVE_PRINCIPAL_DIR"
	managed       = "STRONGROOM_LIVE_MANAGED"
	extraFlags    = "STRONGROOM_LIVE_FLAGS"
	rehearse      = "STRONGROOM_LIVE_REHEARSE"
)

const help = `The tests against a real vault read, for each identity mode that is set, the objects that are named, as
"strongroom explain" and "strongroom mount" would: whom Azure sees, each file's shape, that a second mount changes
nothing, and that an object that is not there is told with its remedy. They write nothing in Azure and print no secret.

  needed
    STRONGROOM_LIVE_VAULT                the vault's name
    STRONGROOM_LIVE_TENANT               its tenant
    STRONGROOM_LIVE_SECRET               name of a secret to read (Key Vault Secrets User)
  and at least one of
    STRONGROOM_LIVE_WORKLOAD_CLIENT      workload identity: client id; with
    STRONGROOM_LIVE_WORKLOAD_TOKEN_FILE    kubectl create token NAME --audience api://AzureADTokenExchange > FILE
    STRONGROOM_LIVE_BINDING_CLIENT       identity binding: client id, only in a pod of the AKS cluster; with
    STRONGROOM_LIVE_BINDING_TOKEN_FILE     a projected token of audience api://AKSIdentityBinding
    STRONGROOM_LIVE_PRINCIPAL_DIR        service principal: a directory with files clientid and clientsecret
    STRONGROOM_LIVE_MANAGED              managed identity, only on an Azure machine: "system" or a client id
  may be set
    STRONGROOM_LIVE_KEY                  name of a key (Key Vault Crypto User)
    STRONGROOM_LIVE_CERT                 name of a certificate (Key Vault Secrets User, Key Vault Certificate User)
    STRONGROOM_LIVE_CLOUD                cloudName, where it is not AzurePublicCloud
    STRONGROOM_LIVE_FLAGS                further flags of "strongroom mount", such as --ca-file FILE`

// TestMain refuses to run half configured: a run that tests nothing must not look like one that passed.
func TestMain(m *testing.M) {
	if os.Getenv(rehearse) != "" {
		os.Exit(rehearsal(m.Run))
	}
	var missing []string
	for _, name := range []string{vaultName, tenant, secretName} {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	if os.Getenv(workload)+os.Getenv(binding)+os.Getenv(principal)+os.Getenv(managed) == "" {
		missing = append(missing, "one of "+strings.Join([]string{workload, binding, principal, managed}, ", "))
	}
	if len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "%s\n\nnot set: %s\n", help, strings.Join(missing, "; "))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// account is whose service account token a file holds: pods of it are stood in for.
func account(t *testing.T, file string) (namespace, name string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(text)), ".")
	if len(parts) != 3 {
		t.Fatalf("%s holds no service account token", file)
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &claims) != nil {
		t.Fatalf("%s holds no service account token", file)
	}
	words := strings.Split(claims.Subject, ":")
	if len(words) != 4 {
		t.Fatalf("%s is not of a ServiceAccount", file)
	}
	return words[2], words[3]
}
