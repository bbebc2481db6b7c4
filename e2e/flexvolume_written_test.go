package e2e

import (
	"fmt"
	"maps"
	"testing"

	"strongroom/e2e/azure"
)

// demoPod is the pod of the page that tells how, with its placeholders to be filled in.
const demoPod = `apiVersion: v1
kind: Pod
metadata:
  name: keyvault-demo
  labels:
      aadpodidbinding: "demo-kv-access"
spec:
  containers:
  - name: keyvault-demo
    image: nginx
    volumeMounts:
    - name: secret-1
      mountPath: /secret1
      readOnly: true
  volumes:
  - name: secret-1
    flexVolume:
      driver: "azure/kv"
      options:
        usepodidentity: "true"
        resourcegroup: %s
        keyvaultname: %s
        keyvaultobjectname: %s
        keyvaultobjecttype: secret # OPTIONS: secret, key, cert
        keyvaultobjectversion: %s
        subscriptionid: %s
        tenantid: %s
`

// A pod with the FlexVolume as the page about pod identity has it, identity and binding included, finds its secret where
// the page says, in the version it names. As a SecretProviderClass it finds the same.
func TestTheFlexVolumeWorksAsWritten(t *testing.T) {
	t.Parallel()
	FlexVolume(t)
	ns := PodSpace(t)
	vault := Azure().Vault(t, demoIdentity(t))
	version := vault.Set(t, "appsecret1", "as the page has it")
	vault.Set(t, "appsecret1", "newer")
	page := fmt.Sprintf(demoPod, azure.ResourceGroup, vault.Name, "appsecret1", version, azure.SubscriptionID, azure.Tenant)
	CreateIn(t, ns, page)
	pod := AwaitReady(t, ns, "keyvault-demo")
	if got := Exec(t, ns, pod.Name, "ls", "/secret1"); got != "appsecret1\n" {
		t.Errorf("/secret1 holds %q", got)
	}
	if got := Exec(t, ns, pod.Name, "cat", "/secret1/appsecret1"); got != "as the page has it" {
		t.Errorf("%q", got)
	}
	files := Contents(t, FlexTarget(pod, "secret-1"))
	Remove(t, ns, pod.Name)
	unmountedFlex(t, pod)

	migrated := Migrated(t, page)
	CreateIn(t, ns, migrated)
	moved := AwaitReady(t, ns, pod.Name)
	if got := Exec(t, ns, moved.Name, "cat", "/secret1/appsecret1"); got != "as the page has it" {
		t.Errorf("migrated, it is %q", got)
	}
	if got := Contents(t, Target(moved, "secret-1")); !maps.Equal(got, files) || len(got) != 1 {
		t.Errorf("migrated, the volume holds %q, not %q", got, files)
	}
}
