package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/kube/kubefake"
)

const (
	updateTime = 10 * time.Second // of a machine, in Azure
	group      = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers"
	identified = 5 // identities that pods use
)

// podIdentity is a cluster with its Azure, to which processes of the real binary can be added.
type podIdentity struct {
	*azure
	cluster     *kubefake.Server
	binary, dir string
}

// measurePodIdentity prints one line per figure.
func measurePodIdentity(ctx context.Context, binary, dir string) error {
	fmt.Printf("\npod identity: an update of a machine takes %s, every other answer of Azure %s; the load at the start: %s\n", updateTime, latency, load())
	if err := onMachines(ctx, 1, binary, dir, (*podIdentity).measureNode); err != nil {
		return err
	}
	return onMachines(ctx, 20, binary, dir, (*podIdentity).measureMany)
}

// onMachines does the work with so many scale sets, each of one node as far as Azure knows.
func onMachines(ctx context.Context, sets int, binary, dir string, work func(*podIdentity, context.Context) error) error {
	late := []emulator.Fault{{Service: "arm", Latency: latency}, {Service: "entra", Latency: latency}, {Service: "imds", Latency: latency}}
	return during(ctx, machinesOf(sets), late, func(ctx context.Context, a *azure) error {
		cluster, err := kubefake.Start()
		if err != nil {
			return err
		}
		defer cluster.Stop()
		p := &podIdentity{azure: a, cluster: cluster, binary: binary, dir: a.dir}
		files := map[string]string{"kubeconfig": cluster.Kubeconfig(), "azure.json": fmt.Sprintf(
			`{"cloud":"AzureStackCloud","tenantId":%q,"aadClientId":%q,"aadClientSecret":"bench","subscriptionId":"00000000-0000-0000-0000-000000000000","resourceGroup":"emulator"}`, tenant, client)}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
		for i := range identified {
			cluster.Put(identityManifest(a, i))
		}
		return work(p, ctx)
	})
}

// machinesOf is an Azure with scale sets, identities and somebody who may put these on those.
func machinesOf(sets int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenants: [{id: %s, domain: bench.example}]\napplications: [{name: mic, clientId: %s, secrets: [{name: one, value: bench, expires: 2100-01-01T00:00:00Z}]}]\n"+
		"resourceManager: {updateTime: %s}\nidentities:\n", tenant, client, updateTime)
	var roles strings.Builder
	for i := range identified {
		fmt.Fprintf(&b, "- {name: id-%d, resourceId: %q}\n", i, resourceID(i))
		fmt.Fprintf(&roles, "- {principal: mic, role: Managed Identity Operator, scope: id-%d}\n", i)
	}
	b.WriteString("nodes:\n")
	for i := range sets {
		fmt.Fprintf(&b, "- {name: node-%d, scaleSet: set-%d}\n", i, i)
		fmt.Fprintf(&roles, "- {principal: mic, role: Virtual Machine Contributor, scope: set-%d}\n", i)
	}
	b.WriteString("scaleSets:\n")
	held := "[]"
	if sets > 1 { // of a cluster that has been there for a while
		held = "[id-0, id-1, id-2, id-3, id-4]"
	}
	for i := range sets {
		fmt.Fprintf(&b, "- {name: set-%d, identities: %s}\n", i, held)
	}
	return b.String() + "resourceRoles:\n" + roles.String()
}

func resourceID(identity int) string {
	return fmt.Sprintf("%s/Microsoft.ManagedIdentity/userAssignedIdentities/id-%d", group, identity)
}

// identityManifest is an AzureIdentity, and a binding of it for the label of its name.
func identityManifest(a *azure, i int) string {
	p, _ := a.emulator.Directory().Find(fmt.Sprintf("id-%d", i))
	return fmt.Sprintf(`apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentity
metadata: {name: id-%[1]d, namespace: bench}
spec: {type: 0, resourceID: %[2]q, clientID: %[3]q}
---
apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentityBinding
metadata: {name: id-%[1]d, namespace: bench}
spec: {azureIdentity: id-%[1]d, selector: id-%[1]d}
`, i, resourceID(i), p.ClientID)
}

// nodeManifest is a node, as an instance of a scale set.
func nodeManifest(n, sets int) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: node-%d}, spec: {providerID: \"azure://%s/Microsoft.Compute/virtualMachineScaleSets/set-%d/virtualMachines/%d\"}}\n",
		n, group, n%sets, n/sets)
}

// podManifest is a running pod.
func podManifest(name string, identity, node int, ip string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: bench, labels: {aadpodidbinding: id-%d}}, spec: {nodeName: node-%d}, status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}}\n",
		name, identity, node, ip, ip)
}

// assigned waits until so many pods have their identities.
func (p *podIdentity) assigned(ctx context.Context, many int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	done := func() (n int) {
		for _, o := range p.cluster.List("azureassignedidentities") {
			if status, _ := o["status"].(map[string]any); status["status"] == "Assigned" {
				n++
			}
		}
		return n
	}
	if !p.cluster.Await(ctx, func() bool { return done() >= many }) {
		return fmt.Errorf("%d of %d pods have their identities after two minutes", done(), many)
	}
	return nil
}

// load is what the machine is doing besides.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
