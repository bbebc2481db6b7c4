package migrate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/fault"
)

func TestShapesOfPods(t *testing.T) {
	t.Parallel()
	const head = "kind: Deployment\nmetadata: {name: d, namespace: shop}\nspec:\n"
	const template = "  template:\n    metadata:\n      labels: {aadpodidbinding: vault}\n    spec:\n      serviceAccount: default\n      serviceAccountName: default\n      containers: []\n"
	got := moveAll(t, written, head+template)
	want := head + "  template:\n    spec:\n      serviceAccount: vault-reader\n      serviceAccountName: vault-reader\n      containers: []\n"
	if text := string(got.Texts[1].Text); !strings.HasSuffix(text, want) {
		t.Error(text)
	}
	got = moveAll(t, written, head+"  selector: {matchLabels: {aadpodidbinding: vault}}\n"+template)
	if text := string(got.Texts[1].Text); !strings.Contains(text, "labels: {aadpodidbinding: vault}") || !strings.Contains(text, "serviceAccountName: vault-reader") {
		t.Error(text)
	}
	notes(t, got, "the label aadpodidbinding stays, because the selector has it")
	for text, want := range map[string]string{
		`{"kind": "Pod", "metadata": {"namespace": "shop", "labels": {"aadpodidbinding": "vault"}}, "spec": {"containers": []}}`: "written in braces",
		"kind: Pod\nmetadata:\n  namespace: shop\n  labels: {app: a, aadpodidbinding: vault}\nspec:\n  containers: []\n":         "m.yaml:4: aadpodidbinding is written in braces",
		"kind: AzureIdentity\napiVersion: aadpodidentity.k8s.io/v1\nmetadata: {name: x}\nspec: {type: '0'}\n":                    "type",
		"a: [": "not YAML",
	} {
		if _, err := PodIdentity(named([]string{written, text}), Options{}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := PodIdentity(nil, Options{Issuer: "https://x/$(reboot)"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an issuer that a shell would run: %v", err)
	}
	if got, err := PodIdentity(named([]string{written, web}), Options{Issuer: "https://issuer.example/"}); err != nil || !strings.Contains(got.Commands[0], " --issuer https://issuer.example/ ") {
		t.Error(got.Commands, err)
	}
}

// What "kubectl get --output yaml" prints is one list, with keys in order and what the server added.
func TestAListFromTheClusterIsChangedInPlace(t *testing.T) {
	t.Parallel()
	const list = `apiVersion: v1
items:
- apiVersion: apps/v1
  kind: StatefulSet
  metadata:
    labels:
      aadpodidbinding: vault
    name: db
    namespace: shop
  spec:
    template:
      metadata:
        creationTimestamp: null
        labels:
          aadpodidbinding: vault
      spec:
        containers:
        - image: nginx
          name: db
        serviceAccount: default
        serviceAccountName: default
        volumes:
        - csi:
            driver: secrets-store.csi.k8s.io
            volumeAttributes:
              secretProviderClass: kv
          name: kv
- apiVersion: secrets-store.csi.x-k8s.io/v1
  kind: SecretProviderClass
  metadata:
    name: kv
    namespace: shop
    resourceVersion: "7"
  spec:
    parameters:
      usePodIdentity: "true"
    provider: azure
kind: List
`
	got := moveAll(t, written, list)
	want := strings.NewReplacer("        labels:\n          aadpodidbinding: vault\n", "", "serviceAccount: default", "serviceAccount: vault-reader",
		"serviceAccountName: default", "serviceAccountName: vault-reader", "usePodIdentity: \"true\"", "clientID: \""+readerClient+"\"").Replace(list)
	if _, text, _ := strings.Cut(string(got.Texts[1].Text), "---\n"); text != want {
		t.Error(cmp.Diff(want, text))
	}
}

func FuzzPodIdentity(f *testing.F) {
	f.Add([]byte(written + web + class1))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := PodIdentity([]Text{{"f.yaml", text}}, Options{})
		if err == nil && got.Pods == 0 && string(got.Texts[0].Text) != string(text) {
			t.Errorf("nothing was to be done, and %q became %q", text, got.Texts[0].Text)
		}
	})
}
