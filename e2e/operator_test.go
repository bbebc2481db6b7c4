package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"strongroom/e2e/azure"
)

// operated are the values of an operator who has a cloud of his own, restricts namespaces whose name begins with
// "policy", and wants certificates and keys in files of their own. The cloud has names that this Azure plays and that no
// class leads to unless the file is read.
const operated = `
cloudFiles:
  e2e.json: |
    {"name": "E2E", "activeDirectoryEndpoint": "https://login.microsoftonline.us/",
     "keyVaultEndpoint": "https://vault.usgovcloudapi.net/", "keyVaultDNSSuffix": "vault.usgovcloudapi.net"}
cloudFile: e2e.json
policy:
  rules:
  - {namespaces: ["policy*"], modes: [workload-identity], vaults: ["kv-*"]}
  - {namespaces: ["operator*"]}
forbidAttributeOverride: true
writeCertAndKeyInSeparateFiles: true
`

// A custom cloud is a file that the operator gives: a class names it, or says nothing where it is the usual one.
func TestOperatorsCloudIsReadByNameAndByDefault(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, operated)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	custom, public := Azure().Vault(t, reader), Azure().Vault(t, reader)
	custom.Set(t, "secret1", "of the custom cloud")
	public.Set(t, "secret1", "of the public cloud")
	named := WorkloadClass(ns, "named", custom, reader).With("cloudName", "AzureStackCloud").With("cloudEnvFileName", "e2e.json")
	named.Objects = []string{object("secret1", "secret", ""), object("secret1", "secret", "SECRET_1")}
	named.Apply(t)
	WorkloadClass(ns, "usual", custom, reader, "secret1").Apply(t)
	WorkloadClass(ns, "public", public, reader, "secret1").With("cloudName", "AzurePublicCloud").Apply(t)
	named.Name = "missing"
	named.With("cloudEnvFileName", "other.json").Apply(t)
	before := Azure().Mark(t)
	Create(t, Pod(ns, "not-there", Mounting("missing")))
	Run(t, Pod(ns, "web", Mounting("named"), Mounting("usual"), Mounting("public")))
	got := Exec(t, ns, "web", "sh", "-c", "cd /mnt && for f in named/secret1 named/SECRET_1 usual/secret1 public/secret1; do cat $f; echo; done")
	if got != strings.Repeat("of the custom cloud\n", 3)+"of the public cloud\n" {
		t.Errorf("%q", got)
	}
	for v, suffix := range map[azure.Vault]string{custom: ".vault.usgovcloudapi.net", public: ".vault.azure.net"} {
		got := before.Since(t, azure.To(v), azure.Kind("secret-get"))
		if len(got) == 0 || slices.ContainsFunc(got, func(r azure.Record) bool { return r.Host != v.Name+suffix }) {
			t.Errorf("not asked as %s%s: %+v", v.Name, suffix, got)
		}
	}
	AwaitEvent(t, ns, "not-there", "FailedMount", "parameter cloudEnvFileName: there is no file other.json in the operator's directory of environments")
}

// A namespace keeps to the modes and vaults that the operator allows it, and its pods to the classes; whoever tries
// otherwise reads so in the pod's events.
func TestPolicyIsToldInThePodsEvents(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, operated)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	walled := rbacVault(t)
	before := Azure().Mark(t)
	WorkloadClass(ns, "allowed", vault, reader, "secret1").Apply(t)
	WorkloadClass(ns, "vault", walled, reader, "secret1").Apply(t)
	managed := managedClass(ns, vault, reader.ClientID)
	managed.Name = "mode"
	managed.Apply(t)
	Create(t, Pod(ns, "other-vault", Mounting("vault")))
	Create(t, Pod(ns, "other-mode", Mounting("mode")))
	Create(t, Pod(ns, "override", Mounting("allowed", "keyvaultName", walled.Name)))
	Run(t, Pod(ns, "web", Mounting("allowed")))
	if got := Exec(t, ns, "web", "cat", "/mnt/allowed/secret1"); got != "one" {
		t.Errorf("%q", got)
	}
	AwaitEvent(t, ns, "other-vault", "FailedMount", "namespace "+ns+" may not use workload-identity with vault "+walled.Name, "ask for a rule")
	AwaitEvent(t, ns, "other-mode", "FailedMount", "namespace "+ns+" may not use managed-identity with vault "+vault.Name)
	AwaitEvent(t, ns, "override", "FailedMount", "keyvaultName", "would replace or add parameters of class "+ns+"/allowed, which this cluster's operator forbids")
	if got := before.Since(t, azure.To(walled)); len(got) > 0 {
		t.Errorf("the forbidden vault was asked: %+v", got)
	}
}

// A certificate's secret is written as a whole and, where the operator wants it, in two files beside that.
func TestOperatorsSeparateFilesForCertificateAndKey(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, operated)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	rsaPair, eccPair := newPair(t, rsaKey(t)), newPair(t, eccKey(t))
	vault := Azure().VaultOf(t, "- {kind: certificate, name: rsa, versions: [{value: "+strconv.Quote(rsaPair.bundle())+", format: pfx}]}\n"+
		"- {kind: certificate, name: ecc, versions: [{value: "+strconv.Quote(eccPair.bundle())+", format: pem}]}\n", reader)
	class := WorkloadClass(ns, "class", vault, reader)
	class.Objects = []string{object("rsa", "secret", "tls/rsa", "filePermission", "0440"), object("ecc", "secret", ""),
		object("rsa", "secret", "store", "objectFormat", "pfx")}
	class.Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("class")))
	for path, pair := range map[string]pair{"tls/rsa": rsaPair, "ecc": eccPair, "store": rsaPair} {
		certificate, key := fileOf(t, pod, "class", path+".crt"), fileOf(t, pod, "class", path+".key")
		if certificate != pair.certificatePEM {
			t.Errorf("%s.crt is\n%s", path, certificate)
		}
		pair.isBundle(t, key+certificate)
		if path != "store" { // that one is PKCS#12
			pair.isBundle(t, fileOf(t, pod, "class", path))
		}
	}
	if got := Exec(t, ns, "web", "stat", "-L", "-c", "%a", "/mnt/class/tls/rsa", "/mnt/class/tls/rsa.crt", "/mnt/class/tls/rsa.key"); got != "440\n440\n440\n" {
		t.Errorf("modes %q", got)
	}
}
