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

// What the definitions say of themselves is what "kubectl explain" tells, in every version and by every short name.
func TestOurKindsExplainThemselves(t *testing.T) {
	t.Parallel()
	Install(t)
	for question, says := range map[string][]string{
		"secretproviderclass.spec.parameters":                         {"FIELD: parameters", "DESCRIPTION:"},
		"spc.spec.secretObjects.data":                                 {"objectName", "key"},
		"spc.status --recursive":                                      {"conditions", "observedGeneration"},
		"spcps.status --recursive":                                    {"podName", "secretProviderClassName", "objects", "version"},
		"secretproviderclass --api-version=" + group + "/v1alpha1":    {"VERSION:", "v1alpha1", "spec"},
		"secretproviderclasspodstatus --api-version=" + group + "/v1": {"SecretProviderClassPodStatus", "status"},
	} {
		got := Kubectl(t, append([]string{"explain"}, strings.Fields(question)...)...)
		if !holdsAll(got, says) || strings.Contains(got, "<empty>") {
			t.Errorf("%s:\n%s", question, got)
		}
	}
}

const group = "secrets-store.csi.x-k8s.io"
