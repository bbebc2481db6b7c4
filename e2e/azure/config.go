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
	controllerID   = "5e1d8c7b-6a4f-4c3e-9b2d-1f0e9d8c7b6a" // of pod identity, which puts identities on the scale set
	control        = "127.0.0.1:8401"
	subscription   = "/subscriptions/00000000-0000-0000-0000-000000000000" // the operator owns it
	groupID        = subscription + "/resourceGroups/emulator"
	group          = groupID + "/providers/"
	scaleSet       = "pool"
	machines       = group + "Microsoft.Compute/virtualMachineScaleSets/" + scaleSet
)

// ProviderID is what the node is to Azure, as its Node object names it: the first machine of a scale set.
const ProviderID = "azure://" + machines + "/virtualMachines/0"

// Config says where Azure is and whose tokens it takes. Every field is required, but that Document replaces Issuer and Keys.
type Config struct {
	Address  string // of every https name, port 443
	Metadata string // of IMDS, port 80
	Node     string // whose IMDS it is; its scale set has a system-assigned identity
	Issuer   string // of the cluster's service account tokens
	Keys     string // that they are signed with, as JSON
	Document string // the emulator's, for tests with an Azure of their own; empty: that of the scenarios
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
	if c.Document != "" {
		return c.Document
	}
	return fmt.Sprintf(`tenants: [{id: %s, domain: contoso.example}]
applications:
- {name: %s, clientId: %s, secrets: [{name: e2e, value: %q}]}
- {name: controller, clientId: %[10]s, secrets: [{name: e2e, value: %[4]q}]}
identities: [{name: %[11]s, clientId: %[12]s, resourceId: %[13]s}]
scaleSets: [{name: %[9]s, systemAssigned: true}]
nodes: [{name: %[5]s, scaleSet: %[9]s}]
resourceRoles:
- {principal: %[2]s, role: Owner, scope: %[8]s}
- {principal: controller, role: Virtual Machine Contributor, scope: %[9]s}
- {principal: controller, role: Managed Identity Operator, scope: %[14]s}
resourceManager: {updateTime: 1s, propagation: 1s}
directoryRoles: [{principal: %[2]s, role: Cloud Application Administrator}]
issuers: [{url: %[6]q, jwks: %[7]q}]
`, Tenant, operator, operatorID, operatorSecret, c.Node, c.Issuer, c.Keys, subscription, scaleSet,
		controllerID, immutable, immutableID, ResourceID(immutable), groupID)
}
