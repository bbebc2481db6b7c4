package migrate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	readerClient = "66666666-7777-4888-8999-aaaaaaaaaaaa"
	robotClient  = "99999999-7777-4888-8999-aaaaaaaaaaaa"
)

// written are identities and bindings in both spellings, as people have them.
const written = `apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentity
metadata: {name: vault-reader, namespace: shop}
spec:
 type: 0
 ResourceID: /subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/Demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Vault-Reader
 ClientID: ` + readerClient + `
---
apiVersion: aadpodidentity.k8s.io/v1
kind: List
items:
- apiVersion: aadpodidentity.k8s.io/v1
  kind: AzureIdentityBinding
  metadata: {name: vault-reader-binding, namespace: shop}
  spec: {AzureIdentity: vault-reader, Selector: vault}
- apiVersion: aadpodidentity.k8s.io/v1
  kind: AzureIdentity
  metadata: {name: robot, namespace: shop}
  spec: {type: 1, clientID: ` + robotClient + `, tenantID: contoso.example, clientPassword: {name: credential, namespace: shop}}
- apiVersion: aadpodidentity.k8s.io/v1
  kind: AzureIdentityBinding
  metadata: {name: robot-binding, namespace: shop}
  spec: {azureIdentity: robot, selector: robot}
`

const web = `---
# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
    name: web
    namespace: shop
spec:
    selector: {matchLabels: {app: web}}
    template:
        metadata:
            labels:
                app: web # who
                aadpodidbinding: vault   # whom

        spec:
            # all of it
            containers:
                - {name: web, image: "nginx", volumeMounts: [{name: kv, mountPath: /kv}]}
            volumes:
                - name: kv
                  csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: kv}}
`

const class1 = `---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: kv
  namespace: shop
spec:
  provider: azure
  parameters:
    UsePodIdentity: "true"   # by label
    keyvaultName: contoso-kv # of all
    clientId: of no effect
    objects: |
      array: []
    tenantId: 2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10
`

func moveAll(t *testing.T, texts ...string) Moved {
	t.Helper()
	got, err := PodIdentity(named(texts), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func named(texts []string) (list []Text) {
	for _, text := range texts {
		list = append(list, Text{"m.yaml", []byte(text)})
	}
	return list
}

func TestPodIdentityBecomesWorkloadIdentity(t *testing.T) {
	t.Parallel()
	got := moveAll(t, written, web, class1)
	account := "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: vault-reader\n  namespace: shop\n  annotations:\n    azure.workload.identity/client-id: \"" + readerClient + "\"\n"
	changed := strings.NewReplacer("                aadpodidbinding: vault   # whom\n", "", "        spec:\n", "        spec:\n            serviceAccountName: vault-reader\n").Replace(web)
	of := strings.NewReplacer("    UsePodIdentity: \"true\"   # by label\n", "    clientID: \""+readerClient+"\"\n", "    clientId: of no effect\n", "").Replace(class1)
	want := []string{written, account + changed, of}
	for i, text := range got.Texts {
		if diff := cmp.Diff(want[i], string(text.Text)); diff != "" {
			t.Errorf("text %d (-want +got):\n%s", i, diff)
		}
	}
	commands := []string{`az identity federated-credential create --name shop-vault-reader --identity-name Vault-Reader --resource-group Demo --subscription 11111111-2222-4333-8444-555555555555` +
		` --issuer "$SERVICE_ACCOUNT_ISSUER" --subject system:serviceaccount:shop:vault-reader --audiences api://AzureADTokenExchange`}
	if diff := cmp.Diff(commands, got.Commands); diff != "" || got.Pods != 1 {
		t.Error(got.Pods, diff)
	}
	notes(t, got, "deployment shop/web: it runs as ServiceAccount shop/vault-reader from now on", "class shop/kv: pods that run keep their files", `azure.workload.identity/use: "true"`, "AzureIdentity and AzureIdentityBinding objects stay")
}

func notes(t *testing.T, got Moved, want ...string) {
	t.Helper()
	all := strings.Join(got.Notes, "\n")
	for _, text := range want {
		if !strings.Contains(all, text) {
			t.Errorf("%q is not noted:\n%s", text, all)
		}
	}
}

// A pod with an account of its own keeps it: its rights hang on it. A service principal's application trusts it likewise.
func TestAnAccountOfItsOwnStays(t *testing.T) {
	t.Parallel()
	const pod = "kind: Pod\nmetadata:\n  name: r\n  namespace: shop\n  labels:\n    aadpodidbinding: robot\nspec:\n  serviceAccountName: builder\n  containers: []\n"
	bare := strings.Replace(pod, "  labels:\n    aadpodidbinding: robot\n", "", 1)
	got := moveAll(t, written+"---\n"+pod)
	if diff := cmp.Diff(written+"---\n"+bare, string(got.Texts[0].Text)); diff != "" {
		t.Error(diff)
	}
	commands := []string{
		`az ad app federated-credential create --id ` + robotClient + ` --parameters '{"audiences":["api://AzureADTokenExchange"],"issuer":"'"$SERVICE_ACCOUNT_ISSUER"'","name":"shop-builder","subject":"system:serviceaccount:shop:builder"}'`,
		`kubectl annotate serviceaccount builder --namespace shop azure.workload.identity/client-id=` + robotClient,
	}
	if diff := cmp.Diff(commands, got.Commands); diff != "" {
		t.Error(diff)
	}
	notes(t, got, "AzureIdentity shop/robot is a service principal", "Secret shop/credential is not needed", "every pod that runs as it", "delete it and create it anew")

	for account, want := range map[string]string{
		"kind: ServiceAccount\nmetadata:\n  name: builder\n  namespace: shop\n":                                                       "metadata:\n  annotations: {azure.workload.identity/client-id: \"" + robotClient + "\"}\n  name: builder",
		"kind: ServiceAccount\nmetadata:\n  name: builder\n  namespace: shop\n  annotations:\n    a: b\n":                             "  annotations:\n    azure.workload.identity/client-id: \"" + robotClient + "\"\n    a: b\n",
		"kind: ServiceAccount\nmetadata: {name: builder, namespace: shop, annotations: {azure.workload.identity/client-id: other}}\n": "client-id: other",
	} {
		got := moveAll(t, written+"---\n"+pod+"---\n"+account)
		if text := string(got.Texts[0].Text); !strings.Contains(text, want) || len(got.Commands) != 1 {
			t.Errorf("%q: %q\n%s", want, got.Commands, text)
		}
	}
}

// Pods with fewer identities must not come to have those of others, nor a class two masters.
func TestPodsOfSeveralBindingsAreKeptApart(t *testing.T) {
	t.Parallel()
	const both = "---\nkind: AzureIdentityBinding\napiVersion: aadpodidentity.k8s.io/v1\nmetadata: {name: more, namespace: shop}\nspec: {azureIdentity: robot, selector: vault}\n"
	block := strings.Replace(web, "csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: kv}}",
		"csi:\n                      driver: secrets-store.csi.k8s.io\n                      volumeAttributes:\n                          secretProviderClass: kv", 1)
	reader := strings.NewReplacer("name: web\n    namespace", "name: reader\n    namespace").Replace(block)
	robot := strings.NewReplacer("name: web\n    namespace", "name: robot\n    namespace", "aadpodidbinding: vault", "aadpodidbinding: robot").Replace(block)
	got := moveAll(t, written, reader, robot, class1+"  secretObjects: []\n")
	if text := string(got.Texts[1].Text); !strings.Contains(text, "secretProviderClass: kv-vault-reader\n") {
		t.Error(text)
	}
	if text := string(got.Texts[2].Text); !strings.Contains(text, "secretProviderClass: kv-robot\n") || !strings.Contains(text, "serviceAccountName: robot\n") {
		t.Error(text)
	}
	text := string(got.Texts[3].Text)
	if !strings.HasSuffix(text, class1+"  secretObjects: []\n") || strings.Count(text, "kind: SecretProviderClass") != 3 || !strings.Contains(text, "clientID: \""+robotClient+"\"") {
		t.Error(text)
	}
	notes(t, got, "class shop/kv is used by pods of several bindings: there is one for each identity now (kv-vault-reader, kv-robot)", "a secretName of its own")

	got = moveAll(t, written+both, web, robot)
	if first, second := string(got.Texts[1].Text), string(got.Texts[2].Text); !strings.Contains(first, "serviceAccountName: robot\n") || !strings.Contains(second, "serviceAccountName: robot-2\n") {
		t.Errorf("one account for pods of different identities:\n%s\n%s", first, second)
	}
	if len(got.Commands) != 3 {
		t.Error(got.Commands)
	}
	notes(t, got, "it had 2 identities; classes that named none now name shop/robot", "class kv is not among what was read")
}

func TestWhatIsNotBoundStaysAsItIs(t *testing.T) {
	t.Parallel()
	const kept = "---\nkind: AzureIdentity\napiVersion: aadpodidentity.k8s.io/v1\nmetadata: {name: far, namespace: far, annotations: {aadpodidentity.k8s.io/Behavior: namespaced}}\n" +
		"spec: {clientID: c, resourceID: /subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n}\n" +
		"---\nkind: AzureIdentityBinding\napiVersion: aadpodidentity.k8s.io/v1\nmetadata: {name: far, namespace: far}\nspec: {azureIdentity: far, selector: vault}\n"
	for objects, note := range map[string]string{
		"": `no AzureIdentityBinding among what was read has the selector "vault"`,
		"---\nkind: AzureIdentityBinding\napiVersion: aadpodidentity.k8s.io/v1\nmetadata: {name: b, namespace: shop}\nspec: {azureIdentity: i, selector: vault}\n": "names AzureIdentity i, which is not among what was read",
		kept: "AzureIdentity far/far keeps to its own namespace",
		strings.NewReplacer("annotations: {aadpodidentity.k8s.io/Behavior: namespaced}", "", "clientID: c, ", "").Replace(kept): "AzureIdentity far/far cannot be used as it is written: azureidentity far/far: clientID is empty",
	} {
		got := moveAll(t, web, class1, objects)
		if got.Pods != 0 || len(got.Commands) != 0 || string(got.Texts[0].Text) != web || string(got.Texts[1].Text) != class1 {
			t.Errorf("%s: %+v", note, got)
		}
		notes(t, got, note)
	}
	// With a pod that stays, the class stays too.
	stays := strings.NewReplacer("name: web\n    namespace", "name: other\n    namespace", "aadpodidbinding: vault", "aadpodidbinding: unknown").Replace(web)
	if _, err := PodIdentity(named([]string{written, web, stays, class1}), Options{}); err == nil || !strings.Contains(err.Error(), "written in braces") {
		t.Errorf("a volume in braces was to name another class: %v", err)
	}
	if got, err := PodIdentity(named([]string{written, strings.Replace(web, "namespace: shop", "namespace: far", 1)}), Options{ForceNamespaced: true}); err != nil || got.Pods != 0 {
		t.Error(got.Pods, err)
	}
}
