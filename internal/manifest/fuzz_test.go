package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
)

// What is accepted is a class an API server would take, and reads the same when it is written again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(good + "---\n# nothing\n---\nkind: Pod\n---\n" + good))
	f.Add([]byte("a: &a [x]\nkind: SecretProviderClass\nspec: {parameters: {k: *a}, secretObjects: [{secretName: s}]}"))
	f.Add([]byte("? [1]\n: 2\n<<: {kind: SecretProviderClass}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		classes, err := Parse("f.yaml", text)
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") {
				t.Errorf("%v %q", fault.KindOf(err), said)
			}
		}
		for _, class := range classes {
			if !dnsName.MatchString(class.Metadata.Name) || class.Spec.Provider == "" || len(class.Spec.Parameters) == 0 {
				t.Errorf("%+v", class)
			}
			written, err := yaml.Marshal(class)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse("g.yaml", written)
			if err != nil || len(again) != 1 {
				t.Fatalf("%v of %s", err, written)
			}
			if diff := cmp.Diff(class, again[0], cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		}
	})
}
