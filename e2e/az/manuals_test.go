package az

import (
	"net/http"
	"strings"
	"testing"
)

// manuals are the commands of the manuals that people come with, in the spelling of each and in the order of its page. A
// refused one is answered as Azure answers it, and its remedy follows.
var manuals = []struct {
	about   string
	script  string
	refused string // each line of the script ends with this complaint
	look    func(*testing.T, *visit)
}{
	{"which az it is", `az --version`, "", nil},
	{"user-assigned identity: the kubelet's", `KUBELET=$(az aks show -g <resource group> -n <aks cluster name> --query identityProfile.kubeletidentity.clientId -o tsv)`, "",
		func(t *testing.T, v *visit) { v.node(t, v.p.instance, "KUBELET", vaultResource) }},
	{"user-assigned identity: the add-on's", `ADDON=$(az aks show -g <resource-group> -n <cluster-name> --query addonProfiles.azureKeyvaultSecretsProvider.identity.clientId -o tsv)`, "",
		func(t *testing.T, v *visit) { v.node(t, v.p.instance, "ADDON", vaultResource) }},
	{"user-assigned identity: one's own", `az identity create -g <RESOURCE GROUP> -n <IDENTITY NAME>
az identity create -g <resource-group> -n <identity-name>
export RESOURCE_GROUP=<resource group name>
export USER_ASSIGNED_IDENTITY_NAME="<your user-assigned managed identity name>"
export USER_ASSIGNED_IDENTITY_CLIENT_ID=$(az identity show -g ${RESOURCE_GROUP} -n ${USER_ASSIGNED_IDENTITY_NAME} --query clientId -otsv)`, "", nil},
	{"user-assigned identity: on the machines", `az vmss identity assign -g <RESOURCE GROUP> -n <K8S-AGENT-POOL-VMSS> --identities <USER ASSIGNED IDENTITY RESOURCE ID>
az vm identity assign -g <RESOURCE GROUP> -n <K8S-AGENT-POOL-VM> --identities <USER ASSIGNED IDENTITY RESOURCE ID>
az vmss identity assign -g <resource-group> -n <agent-pool-vmss> --identities <identity-resource-id>
az vm identity assign -g <resource-group> -n <agent-pool-vm> --identities <identity-resource-id>`, "",
		func(t *testing.T, v *visit) {
			for _, node := range []string{v.p.instance, v.p.machine} {
				v.node(t, node, "USER_ASSIGNED_IDENTITY_CLIENT_ID", vaultResource)
			}
		}},
	{"user-assigned identity: access policies", `export KEYVAULT_NAME=<keyvault-name>
az keyvault set-policy -n $KEYVAULT_NAME --key-permissions get --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --secret-permissions get --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --certificate-permissions get --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID`, "", mayRead("secret key certificate")},
	{"user-assigned identity: with history", `az keyvault set-policy -n $KEYVAULT_NAME --key-permissions get list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --secret-permissions get list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --certificate-permissions get list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID`, "", mayRead("secret key certificate list")},
	{"user-assigned identity: with history, as one manual spells it", `az keyvault set-policy -n $KEYVAULT_NAME --key-permissions get,list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --secret-permissions get,list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID
az keyvault set-policy -n $KEYVAULT_NAME --certificate-permissions get,list --spn $USER_ASSIGNED_IDENTITY_CLIENT_ID`,
		"'get,list' is not a valid value", nil},
	{"system-assigned identity: enable and look", `az vmss identity assign -g <resource group> -n <vmss scalset name>
az vm identity assign -g <resource group> -n <vm name>
az vmss identity show -g <resource group>  -n <vmss scalset name> -o yaml
az vm identity show -g <resource group> -n <vm name> -o yaml
PRINCIPAL=$(az vm identity show -g <resource group> -n <vm name> --query principalId -o tsv)`, "",
		func(t *testing.T, v *visit) {
			v.same(t, "PRINCIPAL", objectID(t, good(t, v.w.imds(t, v.p.machine, "", vaultResource))))
		}},
	{"system-assigned identity: a principal id is no service principal name", `az keyvault set-policy -n <keyvault-name> --key-permissions get --spn $PRINCIPAL
az keyvault set-policy -n <keyvault-name> --secret-permissions get --spn $PRINCIPAL
az keyvault set-policy -n <keyvault-name> --certificate-permissions get --spn $PRINCIPAL`,
		"Unable to get object id from principal name", nil},
	{"system-assigned identity: by object id", `az keyvault set-policy -n <keyvault-name> --key-permissions get --object-id $PRINCIPAL
az keyvault set-policy -n <keyvault-name> --secret-permissions get --object-id $PRINCIPAL
az keyvault set-policy -n <keyvault-name> --certificate-permissions get --object-id $PRINCIPAL`, "",
		func(t *testing.T, v *visit) {
			if may := v.w.reads(t, good(t, v.w.imds(t, v.p.machine, "", vaultResource)), v.p.policiesVault); may != "secret key certificate" {
				t.Errorf("it may read: %s", may)
			}
		}},
	{"pod identity", `az role assignment create --role "Managed Identity Operator" --assignee $KUBELET --scope <FULL RESOURCE ID OF MANAGED IDENTITY>
az role assignment create --role "Virtual Machine Contributor" --assignee $KUBELET --resource-group <resource group>`, "",
		func(t *testing.T, v *visit) {
			token := v.node(t, v.p.instance, "KUBELET", armResource)
			body := `{"identity":{"type":"SystemAssigned, UserAssigned","userAssignedIdentities":{"` + v.p.front() + `":{}}}}`
			if got := v.w.with(t, token, http.MethodPatch, armResource+v.p.machineID()+"?api-version=2024-07-01", body); got.status != http.StatusOK {
				t.Errorf("%d %s", got.status, got.text)
			}
		}},
	{"workload identity: an application", `export APPLICATION_NAME="<your application name>"
az ad sp create-for-rbac --name "${APPLICATION_NAME}"
export APPLICATION_CLIENT_ID=$(az ad sp list --display-name ${APPLICATION_NAME} --query '[0].appId' -otsv)
az keyvault set-policy -n $KEYVAULT_NAME --key-permissions get --spn ${APPLICATION_CLIENT_ID:-$USER_ASSIGNED_IDENTITY_CLIENT_ID}
az keyvault set-policy -n $KEYVAULT_NAME --secret-permissions get --spn ${APPLICATION_CLIENT_ID:-$USER_ASSIGNED_IDENTITY_CLIENT_ID}
az keyvault set-policy -n $KEYVAULT_NAME --certificate-permissions get --spn ${APPLICATION_CLIENT_ID:-$USER_ASSIGNED_IDENTITY_CLIENT_ID}`, "", nil},
	{"workload identity: trust", `export SERVICE_ACCOUNT_ISSUER=$(az aks show --resource-group <resource_group> --name <cluster_name> --query "oidcIssuerProfile.issuerUrl" -otsv)
export SERVICE_ACCOUNT_NAME=web
export SERVICE_ACCOUNT_NAMESPACE=shop
export APPLICATION_OBJECT_ID="$(az ad app show --id ${APPLICATION_CLIENT_ID} --query id -otsv)"
cat <<EOF > params.json
{
  "name": "kubernetes-federated-credential",
  "issuer": "${SERVICE_ACCOUNT_ISSUER}",
  "subject": "system:serviceaccount:${SERVICE_ACCOUNT_NAMESPACE}:${SERVICE_ACCOUNT_NAME}",
  "description": "Kubernetes service account federated credential",
  "audiences": [
    "api://AzureADTokenExchange"
  ]
}
EOF
az ad app federated-credential create --id "${APPLICATION_OBJECT_ID}" --parameters @params.json
az identity federated-credential create \
  --name "kubernetes-federated-credential" \
  --identity-name "${USER_ASSIGNED_IDENTITY_NAME}" \
  --resource-group "${RESOURCE_GROUP}" \
  --issuer "${SERVICE_ACCOUNT_ISSUER}" \
  --subject "system:serviceaccount:${SERVICE_ACCOUNT_NAMESPACE}:${SERVICE_ACCOUNT_NAME}"`, "", mayReadByTrust},
}

// front is the identity that the manuals make.
func (p place) front() string {
	return p.id(p.group, "Microsoft.ManagedIdentity/userAssignedIdentities", "front")
}

func mayRead(want string) func(*testing.T, *visit) {
	return func(t *testing.T, v *visit) {
		token := v.node(t, v.p.machine, "USER_ASSIGNED_IDENTITY_CLIENT_ID", vaultResource)
		if may := v.w.reads(t, token, v.p.policiesVault); may != want {
			t.Errorf("it may read: %s", may)
		}
	}
}

func mayReadByTrust(t *testing.T, v *visit) {
	for variable, want := range map[string]string{"APPLICATION_CLIENT_ID": "secret key certificate", "USER_ASSIGNED_IDENTITY_CLIENT_ID": "secret key certificate list"} {
		token := good(t, v.w.exchange(t, v.s.variable(t, variable), "shop:web"))
		if may := v.w.reads(t, token, v.p.policiesVault); may != want {
			t.Errorf("%s may read: %s", variable, may)
		}
	}
}

func TestTheCommandsOfOtherManuals(t *testing.T) {
	t.Parallel()
	p := manual
	var blanks []string
	for _, blank := range []struct {
		text  string
		names []string
	}{
		{p.group, []string{"resource-group", "resource group", "RESOURCE GROUP", "resource_group", "resource group name"}},
		{p.cluster, []string{"aks cluster name", "cluster-name", "cluster_name"}},
		{"front", []string{"IDENTITY NAME", "identity-name", "your user-assigned managed identity name"}},
		{p.front(), []string{"USER ASSIGNED IDENTITY RESOURCE ID", "identity-resource-id", "FULL RESOURCE ID OF MANAGED IDENTITY"}},
		{p.scaleSet, []string{"K8S-AGENT-POOL-VMSS", "agent-pool-vmss", "vmss scalset name"}},
		{p.machine, []string{"K8S-AGENT-POOL-VM", "agent-pool-vm", "vm name"}},
		{p.policiesVault, []string{"keyvault-name"}}, {"anvil-back", []string{"your application name"}},
	} {
		for _, name := range blank.names {
			blanks = append(blanks, "<"+name+">", blank.text)
		}
	}
	v := &visit{w: home, s: newShell(t, home, blanks...), p: p}
	v.s.login(t, operatorID)
	ran := 0
	for _, m := range manuals {
		ran += commands(m.script)
		if m.refused != "" {
			v.refused(t, m.script, m.refused)
			t.Logf("REFUSED  %s: %s", m.about, m.refused)
			continue
		}
		if _, _, err := v.s.run(m.script); err != nil {
			t.Fatalf("%s: %v", m.about, err)
		}
		if m.look != nil {
			m.look(t, v)
		}
	}
	t.Logf("%d uses of az in %.1f s", ran, v.s.spent.Seconds())
}

// refused runs each line, which az must end with that complaint.
func (v *visit) refused(t *testing.T, script, complaint string) {
	t.Helper()
	for line := range strings.Lines(script) {
		if _, complaints, err := v.s.run(line); err == nil || !strings.Contains(complaints, complaint) {
			t.Errorf("%s: %v\nwant to be refused with %q\n%s", line, err, complaint, complaints)
		}
	}
}

// Who has no role may log in and do nothing.
func TestSomebodyWithoutARole(t *testing.T) {
	t.Parallel()
	s := newShell(t, home)
	s.login(t, onlookerID)
	for script, want := range map[string]string{
		"az ad sp list --all":               "Insufficient privileges to complete the operation.",
		"az ad app create --display-name x": "Insufficient privileges to complete the operation.",
	} {
		if _, complaints, err := s.run(script); err == nil || !strings.Contains(complaints, want) {
			t.Errorf("%s: %v\n%s", script, err, complaints)
		}
	}
}
