package params_test

import (
	"io/fs"
	"strings"
	"testing"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
)

func BenchmarkDecode50(b *testing.B) {
	in := workload()
	in.Attributes["objects"] = many(50)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := params.Decode(in); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode holds that whatever is accepted is within the rules everybody after us relies on, that everything else
// is Invalid or Denied, and that no token or secret shows in what is said.
//
//fuzz:share 2
func FuzzDecode(f *testing.F) {
	f.Add("kvname", tenantID, documented, "", "")
	f.Add("kvname", "contoso.com", list("a", "a/b"), "AzureStackCloud", "cloud.json")
	f.Add("ab", "adfs", "- {objectName: a, objectType: cert, objectVersionHistory: 5, filePermission: 0600}", "x", "/a/b")
	f.Add("kv-name", tenantID, "a: &a {objectName: b, objectType: key}\narray: [*a]", "azurecloud", "..")
	f.Add("kvname", tenantID, "array: ['objectName: x\nobjectType: secret\nobjectFormat: pfx']", "", "")
	f.Fuzz(func(t *testing.T, vault, tenant, objects, cloud, file string) {
		in := workload()
		in.Attributes = set(in.Attributes, "keyvaultName", vault, "tenantID", tenant, "objects", objects,
			"cloudName", cloud, "cloudEnvFileName", file)
		in.Split = true
		r, err := params.Decode(in)
		if err != nil {
			if text := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(text, planted) || strings.Contains(text, "\n") {
				t.Fatalf("%v %q", fault.KindOf(err), text)
			}
			return
		}
		if strings.ContainsAny(r.Vault, "./?#@: ") || strings.Contains(r.CloudFile, "/") || len(r.Objects) == 0 {
			t.Fatalf("%+v", r)
		}
		for _, o := range r.Objects {
			if o.Path == "" || !fs.ValidPath(strings.ToValidUTF8(o.Path, "?")) || strings.Contains(o.Path, "..") || o.Mode > 0o777 || o.Kind == "" || o.Name == "" || o.History == 1 {
				t.Fatalf("%+v", o)
			}
		}
	})
}
