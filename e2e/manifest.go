package e2e

import (
	"os"
	"strings"
	"testing"

	"strongroom/e2e/node"
)

// Manifest is deploy/strongroom.yaml with the tests' image, and the emulator's CA for the provider, as an operator would
// edit it. Every edit must find its place.
func Manifest(t testing.TB) string {
	t.Helper()
	file, err := os.ReadFile("../deploy/strongroom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(file)
	for _, edit := range []struct {
		old, new string
		times    int
	}{
		{"localhost/strongroom:0.1.0", "localhost/strongroom:e2e", 3},
		{"        - --token-proxy-ca-file=/cluster/ca.crt\n", "        - --token-proxy-ca-file=/cluster/ca.crt\n        - --ca-file=/azure/ca.pem\n", 1},
		{"        - name: cluster-ca\n", "        - name: azure\n          mountPath: /azure\n          readOnly: true\n        - name: cluster-ca\n", 1},
		{"      - name: cluster-ca\n        configMap:\n", "      - name: azure\n        hostPath:\n          path: " + node.SharedDir + "\n      - name: cluster-ca\n        configMap:\n", 1},
	} {
		if got := strings.Count(text, edit.old); got != edit.times {
			t.Fatalf("the manifest has %q %d times, not %d", edit.old, got, edit.times)
		}
		text = strings.ReplaceAll(text, edit.old, edit.new)
	}
	return text
}

// ApplyManifest applies it as a person does, and gives kubectl's lines.
func ApplyManifest(t testing.TB, manifest string) []string {
	t.Helper()
	out, err := TryKubectl(t, manifest, "apply", "--filename", "-")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(out), "\n")
}

// RemoveManifest removes what is in it but the CRDs, as docs/migrate-from-upstream.md says, and waits until it is gone.
func RemoveManifest(t testing.TB, manifest string) {
	t.Helper()
	out, err := TryKubectl(t, manifest, "get", "--ignore-not-found", "--filename", "-", "--output", "name")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range strings.Lines(out) {
		if !strings.Contains(name, "customresourcedefinition") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	if len(names) > 0 {
		Kubectl(t, append([]string{"delete", "--namespace", systemNamespace, "--timeout", "110s"}, names...)...)
		AwaitNoPods(t, systemNamespace, "app.kubernetes.io/part-of=strongroom")
	}
}
