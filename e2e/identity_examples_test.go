package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"testing"

	"strongroom/e2e/azure"
	"strongroom/examples"
)

// mountedExamples are the manifests that a test applies as they are written: one of this file, but for pod identity, which has an
// installation of its own.
var mountedExamples = []string{
	"workload-identity.yaml", "workload-identity-managed.yaml", "system-assigned-identity.yaml", "user-assigned-identity.yaml",
	"user-assigned-identity-short.yaml", "user-assigned-identity-v1alpha1.yaml", "service-principal.yaml", "identity-binding.yaml",
	"pod-identity.yaml",
}

func TestEveryExampleIsMounted(t *testing.T) {
	t.Parallel()
	files, err := examples.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(mountedExamples) {
		t.Errorf("there are %d examples, and %d are mounted", len(files), len(mountedExamples))
	}
}

// Workload identity is the pod's own token, which Entra verifies by the cluster's keys, and never the node's identity:
// it works where nobody reaches the metadata service, and does not try.
func TestWorkloadIdentityWorksAsWrittenWithoutIMDS(t *testing.T) {
	t.Parallel()
	Install(t)
	NoIMDS(t)
	plantExamples(t)
	before, tried := Azure().Mark(t), asksEver(t, "imds")
	for _, file := range []string{"workload-identity.yaml", "workload-identity-managed.yaml"} {
		t.Run(file, func(t *testing.T) {
			holdsExample(t, asWritten(t, file), "kvname")
		})
	}
	if got := before.Since(t, azure.Kind("imds-token", "imds-probe", "imds-other")); len(got) != 0 {
		t.Errorf("IMDS was called: %+v", got)
	}
	if got := asksEver(t, "imds"); got != tried {
		t.Errorf("IMDS was tried %v times", got-tried)
	}
	if asksEver(t, "entra") == 0 {
		t.Error("Entra was not asked")
	}
}

// A managed identity comes of the node's metadata service and of nowhere else.
func TestManagedIdentitiesWorkAsWritten(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	IMDS(t)
	plantExamples(t)
	for file, vault := range map[string]string{
		"user-assigned-identity.yaml": "contoso-kv", "user-assigned-identity-short.yaml": "kvname",
		"user-assigned-identity-v1alpha1.yaml": "kvname", "system-assigned-identity.yaml": "contoso-kv",
	} {
		t.Run(file, func(t *testing.T) {
			holdsExample(t, asWritten(t, file), vault)
		})
	}
	if asksEver(t, "imds") == 0 {
		t.Error("IMDS was not asked")
	}
}

// A service principal's id and secret are in a Kubernetes Secret that the pod names.
func TestServicePrincipalWorksAsWritten(t *testing.T) {
	t.Parallel()
	Install(t)
	plantExamples(t)
	Apply(t, `{apiVersion: v1, kind: Secret, metadata: {name: secrets-store-creds}, stringData: {clientid: `+exampleApplication+`, clientsecret: "`+exampleSecret+`"}}`)
	pod := asWritten(t, "service-principal.yaml")
	holdsExample(t, pod, "kvname")
	bundle := Exec(t, "default", pod.Name, "cat", "/mnt/secrets-store/tls/bundle.pem")
	chain := certificates(t, bundle)
	if len(chain) != 3 || chain[0].Subject.CommonName != "shop.contoso.example" || chain[2].Subject.String() != chain[2].Issuer.String() {
		t.Errorf("not leaf, intermediate and root: %d certificates, the first of %s", len(chain), chain[0].Subject)
	}
	if got := Exec(t, "default", pod.Name, "stat", "-L", "-c", "%a", "/mnt/secrets-store/tls/bundle.pem"); got != "440\n" {
		t.Errorf("mode %s", got)
	}
}

// Identity binding: the token proxy, found at the API server by the name its certificate tells, vouches for the pod.
func TestIdentityBindingWorksAsWritten(t *testing.T) {
	t.Parallel()
	Install(t)
	plantExamples(t)
	pod := asWritten(t, "identity-binding.yaml")
	if got := Exec(t, "default", pod.Name, "cat", "/mnt/secrets-store/secret1"); got != "a secret of kvname" {
		t.Errorf("%q", got)
	}
	if got := Exec(t, "default", pod.Name, "ls", "/mnt/secrets-store"); got != "secret1\n" { // the other one is optional
		t.Errorf("%q", got)
	}
	if asksEver(t, "tokenproxy") == 0 {
		t.Error("the token proxy was not asked")
	}
}

// A pod may use both ways at once, each volume with the token that is meant for it.
func TestWorkloadIdentityAndBindingInOnePod(t *testing.T) {
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	federated := Azure().Managed(t, ns+"/default")
	onlyBound := bound(t, []string{ns + "/default"})
	one, two := Azure().Vault(t, federated), Azure().Vault(t, onlyBound)
	one.Set(t, "secret1", "by workload identity")
	two.Set(t, "secret1", "by binding")
	WorkloadClass(ns, "workload", one, federated, "secret1").Apply(t)
	WorkloadClass(ns, "binding", two, onlyBound, "secret1").With("useAzureTokenProxy", "true").Apply(t)
	Run(t, Pod(ns, "web", Mounting("workload"), Mounting("binding")))
	if got := Exec(t, ns, "web", "cat", "/mnt/workload/secret1", "/mnt/binding/secret1"); got != "by workload identityby binding" {
		t.Errorf("%q", got)
	}
}

// certificates are those of a PEM text, in its order; there is at least one.
func certificates(t *testing.T, text string) (list []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, certificate)
	}
	if len(list) == 0 {
		t.Fatalf("no certificate in %d bytes", len(text))
	}
	return list
}
