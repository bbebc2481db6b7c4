package e2e

import (
	"strings"
	"testing"

	"strongroom/e2e/azure"
)

// refusal is a class whose pod does not start, and what its event says: Azure's word and the command that would mend it.
type refusal struct {
	class Class
	with  []With
	says  []string
}

// Whoever looks at a pod that does not start reads there what is wrong with its identity, and what to do: the messages
// of docs/troubleshooting.md.
func TestAWrongIdentityIsToldInThePodsEvents(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	IMDS(t)
	ns := Namespace(t)
	reader, stranger := Azure().Managed(t, ns+"/default"), Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	class := func(name string, id azure.Identity) Class { return WorkloadClass(ns, name, vault, id, "secret1") }
	application := Azure().Application(t)
	Apply(t, `{apiVersion: v1, kind: Secret, metadata: {namespace: `+ns+`, name: wrong}, stringData: {clientid: `+application.ClientID+`, clientsecret: stale}}`)
	elsewhere := Azure().Managed(t, "elsewhere/default")
	untrusting := Azure().Application(t)
	nobody := azure.Identity{ClientID: "7f3d2a5e-0000-4000-8000-000000000000"}
	walled := rbacVault(t)
	for name, test := range map[string]refusal{
		"no-credential": {class("", untrusting), nil, []string{"AADSTS70021", untrusting.ClientID,
			"az identity federated-credential create", "system:serviceaccount:" + ns + ":default"}},
		"other-subject": {class("", elsewhere), nil, []string{"AADSTS700213", "system:serviceaccount:" + ns + ":default",
			"az identity federated-credential create", "takes some minutes"}},
		"unknown-client":  {class("", nobody), nil, []string{"AADSTS700016", "az ad sp show --id " + nobody.ClientID}},
		"wrong-tenant":    {class("", reader).With("tenantId", nobody.ClientID), nil, []string{"AADSTS90002", "az account list"}},
		"no-policy":       {class("", stranger), nil, []string{"403", "Forbidden", "az keyvault set-policy --name " + vault.Name + " --object-id " + stranger.ObjectID}},
		"no-role":         {WorkloadClass(ns, "", walled, reader, "secret1"), nil, []string{"ForbiddenByRbac", "az role assignment create --role 'Key Vault Secrets User' --assignee-object-id " + reader.ObjectID}},
		"not-bound":       {class("", reader).With("useAzureTokenProxy", "true"), nil, []string{"identity binding", "403", "az aks identity-binding create"}},
		"not-on-the-node": {managedClass(ns, vault, reader.ClientID), nil, []string{"Identity not found", "az vmss identity assign", reader.ClientID}},
		"stale-secret":    {managedClass(ns, vault, ""), []With{Credential("wrong")}, []string{"AADSTS7000215", "az ad app credential reset --id " + application.ClientID}},
		"no-secret":       {managedClass(ns, vault, ""), nil, []string{"nodePublishSecretRef secret is not set"}},
	} {
		test.class.Name = name
		if strings.HasSuffix(name, "-secret") { // neither way is set: a service principal
			test.class = test.class.With("useVMManagedIdentity", "")
		}
		test.class.Apply(t)
		Create(t, Pod(ns, name, append([]With{Mounting(name)}, test.with...)...))
		t.Run(name, func(t *testing.T) {
			AwaitEvent(t, ns, name, "FailedMount", test.says...)
		})
	}
}

// managedClass reads as the node's identity, or as the user-assigned one with that client id.
func managedClass(namespace string, v azure.Vault, clientID string) Class {
	return Class{Namespace: namespace, Objects: []string{"objectName: secret1\nobjectType: secret\n"}, Parameters: map[string]string{
		"keyvaultName": v.Name, "tenantId": azure.Tenant, "useVMManagedIdentity": "true", "userAssignedIdentityID": clientID,
	}}
}

// rbacVault decides by roles, and nobody has one.
func rbacVault(t *testing.T) azure.Vault {
	t.Helper()
	v := azure.Vault{Name: azure.Unique("walled")}
	Azure().Add(t, "vaults: [{name: "+v.Name+", authorization: rbac, objects: [{kind: secret, name: secret1, versions: [{value: one}]}]}]")
	return v
}
