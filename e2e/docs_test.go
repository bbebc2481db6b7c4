package e2e

import (
	"os"
	"strings"
	"testing"

	"strongroom/docs"
)

// Whatever YAML the manual shows, the API server takes: by the schemas of our definitions, and with no unknown field.
func TestTheAPIServerTakesEveryManifestOfTheManual(t *testing.T) {
	t.Parallel()
	Install(t, podIdentityValues()) // for the definitions, those of pod identity among them
	ns := Namespace(t)
	blocks, err := docs.Manifests(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(blocks) < 8 {
		t.Errorf("only %d blocks were found", len(blocks))
	}
	for _, block := range blocks {
		if err := DryRun(t, ns, block.Text); err != nil {
			t.Errorf("%s: %v", block, err)
		}
	}
	misspelt := strings.Replace(WorkloadClass(ns, "class", Azure().Vault(t), Azure().NodeIdentity()).Manifest(t), "provider:", "provder:", 1)
	if err := DryRun(t, ns, misspelt); err == nil || !strings.Contains(err.Error(), "provder") {
		t.Errorf("an unknown field is taken: %v", err)
	}
}

// What the definitions say of themselves is what "kubectl explain" tells, in every version.
func TestOurKindsExplainThemselves(t *testing.T) {
	t.Parallel()
	Install(t)
	for question, says := range map[string][]string{
		"secretproviderclass.spec.parameters":                         {"FIELD: parameters", "DESCRIPTION:"},
		"secretproviderclasses.spec.secretObjects.data":               {"objectName", "key"},
		"secretproviderclass.status --recursive":                      {"conditions", "observedGeneration"},
		"secretproviderclasspodstatus.status --recursive":             {"podName", "secretProviderClassName", "objects", "version"},
		"secretproviderclass --api-version=" + group + "/v1alpha1":    {"VERSION:", "v1alpha1", "spec"},
		"secretproviderclasspodstatus --api-version=" + group + "/v1": {"SecretProviderClassPodStatus", "status"},
	} {
		got := Kubectl(t, append([]string{"explain"}, strings.Fields(question)...)...)
		if !holdsAll(got, says) || strings.Contains(got, "<empty>") {
			t.Errorf("%s:\n%s", question, got)
		}
	}
}

// Scripts written for the driver we take the place of, its own end-to-end suite among them, take the second word of each of
// these lines for the version that classes are to be written in.
func TestTheVersionIsTheSecondWordOfOurResources(t *testing.T) {
	t.Parallel()
	Install(t)
	listed := Kubectl(t, "api-resources", "--api-group="+group, "--no-headers")
	lines := strings.Split(strings.TrimSpace(listed), "\n")
	for _, line := range lines {
		if words := strings.Fields(line); len(words) != 4 || words[1] != group+"/v1" {
			t.Errorf("a line is %q", line)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d resources:\n%s", len(lines), listed)
	}
}

const group = "secrets-store.csi.x-k8s.io"
