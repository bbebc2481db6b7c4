// Package azure is the Azure of the end-to-end tests: the product's emulator as a process in the node's network, under
// Azure's public names and IMDS's address, and a handle by which tests plant what they need there, break it, and count
// what was asked.
package azure

import (
	"fmt"
	"os"
	"path/filepath"
)

// The tenant and its operator, who may do everything. The tenant is that of the manifests in examples/.
const (
	Tenant         = "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	operator       = "operator"
	operatorID     = "0b9a4c1e-5d2f-4e3a-8b7c-6d5e4f3a2b1c"
	operatorSecret = "of the tests only"
	control        = "127.0.0.1:8401"
	subscription   = "/subscriptions/00000000-0000-0000-0000-000000000000" // the operator owns it
	group          = subscription + "/resourceGroups/emulator/providers/"
)

// Config says where Azure is and whose tokens it takes. Every field is required.
type Config struct {
	Address  string // of every https name, port 443
	Metadata string // of IMDS, port 80
	Node     string // whose IMDS it is; it has a system-assigned identity
	Issuer   string // of the cluster's service account tokens
	Keys     string // that they are signed with, as JSON
	Shared   string // directory for ca.pem, cloud.json and endpoints.json
	Dir      string // directory for the document and the state
}

// Arguments writes the emulator's document and gives its command line. The state is kept in a file, so that an emulator
// that is started anew has the same CA.
func (c Config) Arguments() ([]string, error) {
	for _, dir := range []string{c.Shared, c.Dir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(c.Dir, "azure.yaml")
	if err := os.WriteFile(file, []byte(c.document()), 0o600); err != nil {
		return nil, err
	}
	return []string{"emulator", "--file", file, "--state", filepath.Join(c.Dir, "state.json"), "--out", c.Shared, "--json",
		"--listen", c.Address + ":443", "--imds", c.Node + "=" + c.Metadata + ":80", "--control", control}, nil
}

func (c Config) document() string {
	return fmt.Sprintf(`tenants: [{id: %s, domain: contoso.example}]
applications: [{name: %s, clientId: %s, secrets: [{name: e2e, value: %q}]}]
nodes: [{name: %s, systemAssigned: true}]
resourceRoles: [{principal: %[2]s, role: Owner, scope: %[8]s}]
issuers: [{url: %[6]q, jwks: %[7]q}]
`, Tenant, operator, operatorID, operatorSecret, c.Node, c.Issuer, c.Keys, subscription)
}
