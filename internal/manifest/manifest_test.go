package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/fault"
)

const good = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: one
spec:
  provider: azure
  parameters:
    usePodIdentity: "false"
    objects: |
      array:
        - |
          objectName: a
`

func TestParseFindsClassesAmongOtherKinds(t *testing.T) {
	t.Parallel()
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
	alpha := strings.Replace(strings.Replace(good, "/v1", "/v1alpha1", 1), "name: one", "name: two", 1)
	classes, err := Parse("f.yaml", []byte(good+"---\n"+pod+"---\n"+alpha+"---\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(classes) != 2 || classes[0].Metadata.Name != "one" || classes[1].Metadata.Name != "two" {
		t.Fatalf("got %+v", classes)
	}
	if got := classes[0].Spec.Parameters["objects"]; !strings.HasPrefix(got, "array:\n") {
		t.Errorf("objects = %q", got)
	}
}

func TestParseRefusesWhatTheAPIServerWould(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, want string }{
		"bool parameter":   {`"false"`, `false`, `f.yaml:8: spec.parameters.usePodIdentity is not a string`},
		"objects as list":  {"objects: |\n      array:\n        - |\n          objectName: a\n", "objects: [a]\n", "spec.parameters.objects is a list"},
		"unknown version":  {"/v1", "/v2", `apiVersion "secrets-store.csi.x-k8s.io/v2" is not served`},
		"no version":       {"apiVersion: secrets-store.csi.x-k8s.io/v1\n", "", "apiVersion is missing"},
		"no name":          {"name: one", "labels: {}", `metadata.name ""`},
		"upper case name":  {"name: one", "name: One", `metadata.name "One"`},
		"no provider":      {"  provider: azure\n", "", "provider not set in /one"},
		"broken YAML":      {"kind:", "kind: [", "not YAML"},
		"parameters a str": {"parameters:\n", "parameters: x\n  other:\n", "spec.parameters is a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("f.yaml", []byte(strings.Replace(good, test.old, test.new, 1)))
			if fault.KindOf(err) != fault.Invalid || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestParseSurvivesAnAliasBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata:\n  name: x\nspec:\n  secretObjects:\n  - &a0 {secretName: x}\n")
	b.WriteString("bomb0: &b0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		row := strings.Repeat(",*b"+string(rune('a'+i-2)), 9)
		if i == 1 {
			row = strings.Repeat(",*b0", 9)
		}
		b.WriteString("bomb" + string(rune('a'+i)) + ": &b" + string(rune('a'+i-1)) + " [" + row[1:] + "]\n")
	}
	if _, err := Parse("bomb.yaml", []byte(b.String())); err == nil {
		t.Error("a bomb was accepted")
	}
}

func TestDirSeesEditsAndNamesBrokenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.yaml", good)
	classes := &Dir{Path: dir}
	class, err := classes.Class(t.Context(), "default", "one")
	if err != nil || class.Metadata.Namespace != "default" {
		t.Fatalf("got %+v, %v", class, err)
	}
	if _, err := classes.Class(t.Context(), "other", "one"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("class found in a foreign namespace: %v", err)
	}
	write("one.yaml", strings.Replace(good, `"false"`, `"maybe"`, 1))
	if class, _ := classes.Class(t.Context(), "default", "one"); class.Spec.Parameters["usePodIdentity"] != "maybe" {
		t.Errorf("the edit was not seen: %v", class.Spec.Parameters)
	}
	write("two.yaml", strings.Replace(good, `"false"`, `"later"`, 1))
	for range 8 {
		if class, _ := classes.Class(t.Context(), "default", "one"); class.Spec.Parameters["usePodIdentity"] != "later" {
			t.Fatalf("of two classes of one name not the last is given: %v", class.Spec.Parameters)
		}
	}
	if err := os.Remove(filepath.Join(dir, "two.yaml")); err != nil {
		t.Fatal(err)
	}
	write("one.yaml", "kind: [")
	_, err = classes.Class(t.Context(), "default", "one")
	if err == nil || !strings.Contains(err.Error(), "one.yaml") {
		t.Errorf("the broken file is not named: %v", err)
	}
}

func TestReadFileTellsWhatIsWrongWithThePathItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, []byte(strings.Repeat("# more\n", MaxBytes/7+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		kind fault.Kind
		text string
	}{
		filepath.Join(dir, "none.yaml"): {fault.NotFound, "no such file"},
		dir:                             {fault.Invalid, "is a directory"},
		large:                           {fault.Invalid, "longer than the 3145728 bytes"},
	} {
		_, err := ReadFile(path)
		if fault.KindOf(err) != want.kind || err == nil || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v, want kind %v and %q", path, err, want.kind, want.text)
		}
	}
}

func TestOnePicksTheOnlyOrTheNamedClass(t *testing.T) {
	t.Parallel()
	classes, err := Parse("f.yaml", []byte(good+"---\n"+strings.Replace(good, "name: one", "name: two", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if class, err := One(classes, "two"); err != nil || class.Metadata.Name != "two" {
		t.Errorf("the named one: %v, %v", class.Metadata.Name, err)
	}
	if class, err := One(classes[:1], ""); err != nil || class.Metadata.Name != "one" {
		t.Errorf("the only one: %v, %v", class.Metadata.Name, err)
	}
	for name, want := range map[string]fault.Kind{"": fault.Invalid, "three": fault.NotFound} {
		if _, err := One(classes, name); fault.KindOf(err) != want || !strings.Contains(err.Error(), "one, two") {
			t.Errorf("%q: %v, want kind %v and both names", name, err, want)
		}
	}
	if _, err := One(nil, ""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("none: %v", err)
	}
}
