package migrate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/fault"
)

const before = `---
# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
    name: Shop_web
    namespace: shop
spec:
    template:
        spec:
            securityContext: {fsGroup: 2000}
            containers:
                - {name: web, image: "nginx", volumeMounts: [{name: kv, mountPath: /kv}]}

            volumes:
                - name: kv # from the vault
                  flexVolume:
                      driver: "azure/kv"
                      secretRef:
                          name: kvcreds
                      options:
                          KeyVaultName: "my-vault"
                          # which
                          keyvaultobjectnames: |
                             db;tls

                          keyvaultobjecttypes: secret;cert
                          keyvaultobjectaliases: "a b;tls.der"
                          tenantid: contoso.example

                # and a place to work in
                - name: work
                  emptyDir: {}
                - flexVolume:
                    driver: other/driver
                  name: other
`

const after = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: shop-web-kv
  namespace: shop
spec:
  provider: azure
  parameters:
    keyvaultName: "my-vault"
    tenantID: "contoso.example"
    objects: |
      array:
        - |
          objectName: db
          objectType: secret
          objectAlias: a b
          objectFormat: raw
          filePermission: "0640"
        - |
          objectName: tls
          objectType: cert
          objectAlias: tls.der
          objectFormat: der
          filePermission: "0640"
`

const replaced = `                - name: kv # from the vault
                  csi:
                    driver: secrets-store.csi.k8s.io
                    readOnly: true
                    volumeAttributes:
                      secretProviderClass: shop-web-kv
                    nodePublishSecretRef:
                      name: kvcreds

                # and a place to work in
`

func TestAFlexVolumeBecomesACSIVolume(t *testing.T) {
	t.Parallel()
	head, rest, _ := strings.Cut(before, "                - name: kv")
	_, tail, _ := strings.Cut(rest, "# and a place to work in\n")
	want := after + head + replaced + tail
	got, err := FlexVolumes("shop.yaml", []byte(before))
	if err != nil || got.Volumes != 1 {
		t.Fatalf("%d, %v", got.Volumes, err)
	}
	if diff := cmp.Diff(want, string(got.Text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	notes := strings.Join(got.Notes, "\n")
	for _, want := range []string{"deployment shop/Shop_web, volume kv: the Secret kvcreds is used as it is", "objectFormat raw, der", "with the pod's fsGroup the files stay 0640"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not noted:\n%s", want, notes)
		}
	}
	again, err := FlexVolumes("shop.yaml", got.Text)
	if err != nil || again.Volumes != 0 || string(again.Text) != string(got.Text) {
		t.Errorf("a second time: %d, %v", again.Volumes, err)
	}
}

const pod = "kind: Pod\nmetadata: {name: p}\nspec:\n  containers: []\n  volumes:\n  - name: v\n    "

func TestWhateverTheVolumeAsksForIsAskedFor(t *testing.T) {
	t.Parallel()
	const common = "keyvaultname: my-vault, keyvaultobjectnames: a, keyvaultobjecttypes: key, tenantid: t.example"
	for options, want := range map[string][]string{
		"usepodidentity: 'true', nmiport: '2580'":                                                  {`usePodIdentity: "true"`, "note: nmiport 2580 was left out"},
		"usevmmanagedidentity: true":                                                               {`useVMManagedIdentity: "true"`},
		"usevmmanagedidentity: 'true', vmmanagedidentityclientid: c":                               {`userAssignedIdentityID: "c"`},
		"usepodidentity: 'true', cloudname: AzureChinaCloud, keyformat: modulus, colour: red":      {`cloudName: "AzureChinaCloud"`, "objectFormat: modulus", "note: option colour is not known and has no effect; it was left out"},
		"usepodidentity: 'true', keyvaultobjectversions: '0012', keyvaultobjectaliases: 'x: \"#y'": {`objectVersion: "0012"`, `objectAlias: 'x: "#y'`},
	} {
		got, err := FlexVolumes("p.yaml", []byte(pod+"flexVolume: {driver: azure/kv, options: {"+common+", "+options+"}}"))
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		for _, text := range want {
			in := string(got.Text)
			if rest, note := strings.CutPrefix(text, "note: "); note {
				in, text = strings.Join(got.Notes, "\n"), rest
			}
			if !strings.Contains(in, text) {
				t.Errorf("%s: %q is not in\n%s", options, text, in)
			}
		}
		if strings.Contains(string(got.Text), "nodePublishSecretRef") || !strings.HasSuffix(string(got.Text), "\n") {
			t.Errorf("%s:\n%s", options, got.Text)
		}
	}
}

// Volumes that ask for the same get classes of their own names; two workloads of one name do not share by accident.
func TestClassesDoNotCollide(t *testing.T) {
	t.Parallel()
	volume := func(vault string) string {
		return pod + "flexVolume:\n      driver: azure/kv\n      options: {keyvaultname: " + vault + ", keyvaultobjectnames: a, keyvaultobjecttypes: key, tenantid: t.example, usepodidentity: 'true'}\n"
	}
	got, err := FlexVolumes("p.yaml", []byte(volume("one-kv")+"---\n"+volume("two-kv")+"---\n"+volume("one-kv")))
	if err != nil || got.Volumes != 3 {
		t.Fatal(got.Volumes, err)
	}
	text := string(got.Text)
	if strings.Count(text, "kind: SecretProviderClass") != 2 || strings.Count(text, "secretProviderClass: p-v\n") != 2 || strings.Count(text, "secretProviderClass: p-v-2\n") != 1 {
		t.Error(text)
	}
}

func TestListsAndOtherKindsAreLookedThrough(t *testing.T) {
	t.Parallel()
	const text = "kind: List\nitems:\n- kind: CronJob\n  metadata: {name: j, namespace: n}\n  spec:\n    jobTemplate:\n      spec:\n        template:\n          spec:\n            volumes:\n            - name: v\n" +
		"              flexVolume:\n                driver: azure/kv\n                options: {keyvaultname: my-vault, keyvaultobjectname: a, keyvaultobjecttype: key, tenantid: t.example, usepodidentity: 'true'}\n"
	got, err := FlexVolumes("l.yaml", []byte(text))
	if err != nil || got.Volumes != 1 || !strings.Contains(string(got.Text), "namespace: \"n\"") && !strings.Contains(string(got.Text), "namespace: n\n") || !strings.Contains(string(got.Text), "name: j-v\n") {
		t.Errorf("%v\n%s", err, got.Text)
	}
}

func TestWhatCannotBeChangedIsSaidWithItsLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"kind": "Pod", "spec": {"volumes": [{"name": "v", "flexVolume": {"driver": "azure/kv"}}]}}`:                                    "p.yaml:1: the volume is written in braces",
		pod + "flexVolume: {driver: azure/kv, options: {keyvaultname: kv}}":                                                              "p.yaml:7: pod p, volume v: several problems: validation failed, tenantid is empty",
		pod + "flexVolume: {driver: azure/kv, options: {keyvaultname: kv, tenantid: t, keyvaultobjectname: a, keyvaultobjecttype: key}}": "it names no identity",
		"kind: PersistentVolume\nmetadata: {name: pv}\nspec:\n  flexVolume:\n    driver: azure/kv\n":                                     "persistentvolume pv is a persistent volume",
		"a: [": "not YAML",
	} {
		_, err := FlexVolumes("p.yaml", []byte(text))
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzFlexVolumes(f *testing.F) {
	f.Add([]byte(before))
	f.Add([]byte(pod + "flexVolume: &x {driver: azure/kv, options: {keyvaultname: my-vault, keyvaultobjectnames: a, keyvaultobjecttypes: key, tenantid: t, usepodidentity: 'true'}}\n  - name: w\n    flexVolume: *x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := FlexVolumes("f.yaml", text)
		if err == nil && got.Volumes == 0 && string(got.Text) != string(text) {
			t.Errorf("nothing was to be done, and %q became %q", text, got.Text)
		}
	})
}
