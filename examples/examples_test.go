package examples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strongroom/examples"
	"strongroom/internal/manifest"
)

// filled maps each placeholder of the printed pages to what an example says in its place.
var filled = strings.NewReplacer(
	"<key-vault-name>", "contoso-kv",
	"<tenant-Id>", tenant, "<tenant-id>", tenant, `"tid"`, `"`+tenant+`"`,
	"<client-id>", managed, "<client id of user assigned identity>", managed,
	"aadpodidbinding: <name> ", "aadpodidbinding: demo-kv-access ",
)

const (
	tenant      = "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	application = "9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	managed     = "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502"
	wiClient    = "<client id of the Azure AD Application or user-assigned managed identity to use for workload identity>"
)

// restored are the only lines an example may have that its printed page lost.
var restored = []string{
	"---", "apiVersion: secrets-store.csi.x-k8s.io/v1", "metadata:", "spec:", "parameters:", "array:", "containers:",
	"image: k8s.gcr.io/e2e-test-images/busybox:1.29", "command:", "volumeMounts:", "volumes:", "csi:",
	"driver: secrets-store.csi.k8s.io", "volumeAttributes:",
}

func TestExamplesSayWhatThePrintedPagesSay(t *testing.T) {
	t.Parallel()
	for example, page := range map[string]struct{ printed, client string }{
		"pod-identity.yaml":                    {"pod-identity.txt", ""},
		"user-assigned-identity.yaml":          {"user-assigned-identity.txt", ""},
		"user-assigned-identity-short.yaml":    {"user-assigned-identity-short.txt", ""},
		"user-assigned-identity-v1alpha1.yaml": {"user-assigned-identity-v1alpha1.txt", ""},
		"system-assigned-identity.yaml":        {"system-assigned-identity.txt", ""},
		"workload-identity.yaml":               {"workload-identity.txt", application},
		"workload-identity-managed.yaml":       {"workload-identity.txt", managed},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			text, err := examples.Files.ReadFile(example)
			if err != nil {
				t.Fatal(err)
			}
			printed, err := os.ReadFile(filepath.Join("testdata", "printed", page.printed))
			if err != nil {
				t.Fatal(err)
			}
			want := filled.Replace(strings.ReplaceAll(string(printed), wiClient, page.client))
			if missing, extra := compare(lines(want), lines(string(text))); missing != "" || len(extra) > 0 {
				t.Errorf("printed line not found: %q; lines nobody printed: %q", missing, extra)
			}
		})
	}
}

// compare walks the example and takes each line either as the next printed one or as a restored one.
func compare(printed, example []string) (missing string, extra []string) {
	for _, line := range example {
		switch {
		case len(printed) > 0 && line == printed[0]:
			printed = printed[1:]
		case !slices.Contains(restored, strings.TrimSpace(line)):
			extra = append(extra, line)
		}
	}
	if len(printed) > 0 {
		missing = printed[0]
	}
	return missing, extra
}

func lines(text string) []string {
	list := strings.Split(text, "\n")
	return slices.DeleteFunc(list, func(line string) bool { return strings.TrimSpace(line) == "" })
}

func TestEveryExampleParses(t *testing.T) {
	t.Parallel()
	entries, err := examples.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := examples.Files.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if classes, err := manifest.Parse(entry.Name(), data); err != nil || len(classes) != 1 {
			t.Errorf("%s: %d classes, %v", entry.Name(), len(classes), err)
		}
	}
}
