package policy_test

import (
	"strings"
	"testing"

	"strongroom/internal/azure/policy"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// A document that is taken allows nothing that no rule of it names: without rules nothing is allowed.
func FuzzParse(f *testing.F) {
	f.Add([]byte("rules:\n- namespaces: [shop-*]\n  modes: [workload-identity]\n  vaults: [kv]\n"))
	f.Add([]byte("rules: []"))
	f.Add([]byte(""))
	f.Add([]byte("rules: &a [{namespaces: ['[']}, *a]"))
	f.Add([]byte("---\nrules: []\n---\nrules: [{}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := policy.Parse(text)
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		allowed := p.Check("shop-a", secret.WorkloadIdentity, "KV") == nil
		if allowed != (p.Check("shop-a", secret.WorkloadIdentity, "kv") == nil) {
			t.Error("the case of a vault's name counts")
		}
		if allowed && !strings.Contains(string(text), "rules") && !strings.Contains(string(text), `\`) {
			t.Errorf("%q allows", text)
		}
		if strings.TrimSpace(string(text)) == "" && allowed {
			t.Error("an empty file allows")
		}
	})
}
