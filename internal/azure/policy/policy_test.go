package policy

import (
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const example = `
rules:
  - namespaces: [shop, "team-*"]
    modes: [workload-identity]
    vaults: [Shop-KV, "team-*"]
  - namespaces: [kube-system]
`

func TestAPolicyAllowsOnlyWhatARuleAllows(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		namespace string
		mode      secret.Mode
		vault     string
		allowed   bool
	}{
		{"shop", secret.WorkloadIdentity, "shop-kv", true},
		{"shop", secret.WorkloadIdentity, "SHOP-KV", true},
		{"team-a", secret.WorkloadIdentity, "team-a", true},
		{"shop", secret.ManagedIdentity, "shop-kv", false},
		{"shop", secret.WorkloadIdentity, "other", false},
		{"other", secret.WorkloadIdentity, "shop-kv", false},
		{"kube-system", secret.ManagedIdentity, "anything", true},
	} {
		err := p.Check(test.namespace, test.mode, test.vault)
		if (err == nil) != test.allowed || (err != nil && fault.KindOf(err) != fault.Denied) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestNoPolicyAllowsEverythingAndAnEmptyOneNothing(t *testing.T) {
	t.Parallel()
	if err := (Policy{}).Check("any", secret.PodIdentity, "any"); err != nil {
		t.Error(err)
	}
	empty, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if empty.Check("any", secret.PodIdentity, "any") == nil {
		t.Error("an empty policy allowed a mount")
	}
}

func TestAMisspeltRestrictionIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"rule: []", "rules: [{namespace: [a]}]", "rules: [{modes: [wi]}]", "rules: [{vaults: ['[']}]", "rules: [{vaults: ['']}]", "[]"} {
		if _, err := Parse([]byte(text)); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
