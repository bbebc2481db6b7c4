package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
	"strongroom/examples"
)

// What the manifests of examples/ name, beside the tenant, which the whole of this Azure has.
const (
	exampleApplication = "9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	exampleIdentity    = "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502"
	exampleSecret      = "of the example: 3fK!c9"
	examplePodIdentity = "6d0a4c2e-8b1f-4e3d-a5c7-90f1e2d3c4b5" // of the pod that is labelled; it is on no machine
)

var examplesPlanted sync.Once

// plantExamples puts the very identities and vaults of examples/ into Azure, once: the manifests belong into the default
// namespace, whose default service account they use.
func plantExamples(t testing.TB) {
	t.Helper()
	examplesPlanted.Do(func() {
		trust := Azure().Federated("default/default")
		ids := Azure().Add(t, `
applications:
- {name: example-app, clientId: `+exampleApplication+`, secrets: [{name: e2e, value: "`+exampleSecret+`"}], federatedCredentials: `+trust+`}
identities:
- {name: example-identity, clientId: `+exampleIdentity+`, resourceId: `+azure.ResourceID("example-identity")+`, federatedCredentials: `+trust+`}
- {name: podidentitydemouser, clientId: `+examplePodIdentity+`, resourceId: `+azure.ResourceID("podidentitydemouser")+`}
identityBindings:
- {identity: example-identity, namespace: default, serviceAccount: default}
vaults:
- name: contoso-kv # asks access policies
  policies:
  - {principal: example-identity, secrets: [get], keys: [get]}
  - {principal: podidentitydemouser, secrets: [get], keys: [get]}
  - {principal: `+Azure().NodeIdentity().Name+`, secrets: [get], keys: [get]}
  objects:
  - {kind: secret, name: secret1, versions: [{value: "a secret of contoso-kv"}]}
  - {kind: key, name: key1, versions: [{keyType: EC-P256}]}
- name: kvname # asks role assignments
  authorization: rbac
  roleAssignments:
  - {principal: example-app, role: Key Vault Secrets User}
  - {principal: example-app, role: Key Vault Crypto User}
  - {principal: example-identity, role: Key Vault Secrets User}
  - {principal: example-identity, role: Key Vault Crypto User}
  objects:
  - {kind: secret, name: secret1, versions: [{value: "a secret of kvname"}]}
  - {kind: key, name: key1, versions: [{keyType: RSA-2048}]}
  - {kind: certificate, name: cert1, versions: [{subject: CN=shop.contoso.example, chain: 1, root: true, shuffle: true}]}
`)
		Azure().Assign(t, ids["example-identity"])
	})
}

// asWritten applies a manifest of examples/ as it is and waits until its pod is ready. It is gone when the test ends.
func asWritten(t *testing.T, file string) *corev1.Pod {
	t.Helper()
	text, err := examples.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pod string
	for _, object := range Apply(t, string(text)) {
		if object.GetKind() == "Pod" {
			pod = object.GetName()
		}
	}
	t.Cleanup(func() {
		ctx := within(t, context.WithoutCancel(t.Context()), patience)
		if t.Failed() {
			dump(ctx, t, "default")
		}
		second := int64(1) // its program would not end by itself when told to
		if err := cluster.Client.CoreV1().Pods("default").Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: &second}); err != nil {
			t.Error(err)
		}
		if err := awaitGone(ctx, Pods, "default", pod); err != nil {
			t.Error(err)
		}
	})
	return AwaitReady(t, "default", pod)
}

// holdsExample checks the two files that all examples ask for.
func holdsExample(t *testing.T, pod *corev1.Pod, vault string) {
	t.Helper()
	if got := Exec(t, "default", pod.Name, "cat", "/mnt/secrets-store/secret1"); got != "a secret of "+vault {
		t.Errorf("secret1 is %q", got)
	}
	if got := Exec(t, "default", pod.Name, "cat", "/mnt/secrets-store/key1"); !strings.HasPrefix(got, "-----BEGIN PUBLIC KEY-----\n") {
		t.Errorf("key1 is %q", got)
	}
}

// asksEver counts what the provider that runs now ever asked of a service, answered or not. A token that it has already is
// not asked for again, so the emulator's log of one test alone may hold nothing.
func asksEver(t *testing.T, service string) (sum float64) {
	t.Helper()
	for name, value := range ProviderMetrics(t) {
		if strings.HasPrefix(name, "strongroom_azure_requests_total{") && strings.Contains(name, `service="`+service+`"`) {
			sum += value
		}
	}
	return sum
}

// bound makes an identity that the token proxy may use for service accounts, each "namespace/name", besides those that
// it is federated with.
func bound(t *testing.T, accounts []string, federated ...string) azure.Identity {
	t.Helper()
	name := azure.Unique("bound")
	var bindings []string
	for _, account := range accounts {
		namespace, one, _ := strings.Cut(account, "/")
		bindings = append(bindings, "{identity: "+name+", namespace: "+namespace+", serviceAccount: "+one+"}")
	}
	return Azure().Add(t, "identities: [{name: "+name+", federatedCredentials: "+Azure().Federated(federated...)+"}]\n"+
		"identityBindings: ["+strings.Join(bindings, ", ")+"]\n")[name]
}
