package az

import (
	"fmt"
	"strings"

	"strongroom/e2e/node"
)

// Who and what there is. Both tests have a cluster, machines and vaults of their own, so that they may run side by side.
const (
	tenant         = "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	subscription   = "5f0c3a52-91d7-4e6b-8a2f-3c4d5e6f7a81"
	operatorID     = "0b9a4c1e-5d2f-4e3a-8b7c-6d5e4f3a2b1c"
	operatorSecret = "of the tests only"
	onlookerID     = "6d1e2f3a-4b5c-4d6e-8f70-8192a3b4c5d6" // has no role anywhere
	pipeline       = "system:serviceaccount:ci:runner"      // whose token the operator is
	region         = "westeurope"
)

// place is one test's part of Azure.
type place struct {
	group, nodeGroup string
	cluster          string
	scaleSet         string
	instance         string // of the scale set, by the name its metadata service is known by
	machine          string
	rolesVault       string
	policiesVault    string
}

// page is where docs/azure-setup.md is run. As on AKS, the machines are in a group of their own.
var page = place{
	group: "shop", nodeGroup: "MC_shop_market_" + region, cluster: "market", scaleSet: "aks-nodepool1-vmss", instance: "aks-nodepool1-vmss000000",
	machine: node.Name, rolesVault: "market-roles", policiesVault: "market-policies",
}

// manual is where the commands of other manuals are run, which know of one group only.
var manual = place{
	group: "bench", nodeGroup: "bench", cluster: "anvil", scaleSet: "k8s-agent-pool-vmss", instance: "k8s-agent-pool-vmss000000",
	machine: "k8s-agent-pool-vm", rolesVault: "anvil-roles", policiesVault: "anvil-policies",
}

func (p place) id(group, kind, name string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/" + kind + "/" + name
}

func (p place) vaultID(name string) string { return p.id(p.group, "Microsoft.KeyVault/vaults", name) }
func (p place) machineID() string {
	return p.id(p.nodeGroup, "Microsoft.Compute/virtualMachines", p.machine)
}

// kubelet and addon are the names of the identities that AKS made.
func (p place) kubelet() string { return p.cluster + "-agentpool" }
func (p place) addon() string   { return "azurekeyvaultsecretsprovider-" + p.cluster }

// document is the emulator's.
func document() (string, error) {
	k, err := operatorKey()
	if err != nil {
		return "", err
	}
	var d strings.Builder
	fmt.Fprintf(&d, "tenants: [{id: %s, domain: contoso.example}]\nsubscriptions: [{id: %s, name: Contoso}]\n", tenant, subscription)
	fmt.Fprintf(&d, "applications:\n- name: operator\n  clientId: %s\n  secrets: [{name: e2e, value: %q}]\n  certificates: [{name: e2e, pem: %q}]\n"+
		"  federatedCredentials: [{name: pipeline, subject: %q}]\n", operatorID, operatorSecret, k.certificate, pipeline)
	fmt.Fprintf(&d, "- {name: onlooker, clientId: %s, secrets: [{name: e2e, value: %q}]}\n", onlookerID, operatorSecret)
	fmt.Fprintf(&d, "resourceRoles: [{principal: operator, role: Owner, scope: /subscriptions/%s}]\n", subscription)
	d.WriteString("directoryRoles: [{principal: operator, role: Cloud Application Administrator}]\n")
	for _, section := range []struct {
		name string
		of   func(place) string
	}{{"identities", place.identities}, {"nodes", place.nodes}, {"scaleSets", place.scaleSets}, {"clusters", place.clusters}, {"vaults", place.vaults}} {
		d.WriteString(section.name + ":\n" + section.of(page) + section.of(manual))
	}
	return d.String(), nil
}

func (p place) identities() string {
	list := ""
	for _, name := range []string{p.kubelet(), p.addon()} {
		list += fmt.Sprintf("- {name: %s, resourceId: %q}\n", name, p.id(p.nodeGroup, "Microsoft.ManagedIdentity/userAssignedIdentities", name))
	}
	return list
}

func (p place) nodes() string {
	return fmt.Sprintf("- {name: %s, subscription: %s, resourceGroup: %s}\n- {name: %s, scaleSet: %s}\n",
		p.machine, subscription, p.nodeGroup, p.instance, p.scaleSet)
}

// scaleSets: a test that updates instances has to be the one that makes the difference.
func (p place) scaleSets() string {
	mode := "Automatic"
	if p == page {
		mode = "Manual"
	}
	return fmt.Sprintf("- {name: %s, subscription: %s, resourceGroup: %s, upgradePolicy: %s, identities: [%s, %s]}\n",
		p.scaleSet, subscription, p.nodeGroup, mode, p.kubelet(), p.addon())
}

func (p place) clusters() string {
	return fmt.Sprintf("- {name: %s, subscription: %s, resourceGroup: %s, nodeResourceGroup: %s, kubeletIdentity: %s, addonIdentity: %s}\n",
		p.cluster, subscription, p.group, p.nodeGroup, p.kubelet(), p.addon())
}

func (p place) vaults() string {
	list := ""
	for name, decides := range map[string]string{p.rolesVault: "rbac", p.policiesVault: "policies"} {
		list += fmt.Sprintf("- name: %s\n  subscription: %s\n  resourceGroup: %s\n  authorization: %s\n  objects:\n"+
			"  - {kind: secret, name: secret1, versions: [{value: of the tests}]}\n  - {kind: key, name: key1}\n"+
			"  - {kind: certificate, name: cert1}\n", name, subscription, p.group, decides)
	}
	return list
}
