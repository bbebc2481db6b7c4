package e2e

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"strongroom/e2e/azure"
)

// Class is a SecretProviderClass to apply.
type Class struct {
	Namespace, Name string
	// Provider is azure when empty.
	Provider string
	// Objects are entries of the parameter "objects", each the YAML of one object.
	Objects []string
	// Parameters are the others.
	Parameters map[string]string
	// SecretObjects are the Secrets to write, as the YAML of the list.
	SecretObjects string
}

// WorkloadClass reads secrets of a vault as an identity that the pod's service account is federated with.
func WorkloadClass(namespace, name string, v azure.Vault, id azure.Identity, secrets ...string) Class {
	c := Class{Namespace: namespace, Name: name, Parameters: map[string]string{
		"keyvaultName": v.Name, "tenantId": azure.Tenant, "clientID": id.ClientID,
	}}
	for _, s := range secrets {
		c.Objects = append(c.Objects, "objectName: "+s+"\nobjectType: secret\n")
	}
	return c
}

// With gives the class another parameter.
func (c Class) With(name, value string) Class {
	parameters := map[string]string{name: value}
	for k, v := range c.Parameters {
		if k != name {
			parameters[k] = v
		}
	}
	c.Parameters = parameters
	return c
}

// Manifest is the class as YAML.
func (c Class) Manifest(t testing.TB) string {
	t.Helper()
	parameters := map[string]string{}
	for k, v := range c.Parameters {
		parameters[k] = v
	}
	if len(c.Objects) > 0 {
		var list strings.Builder
		list.WriteString("array:\n")
		for _, object := range c.Objects {
			list.WriteString("  - |\n")
			for line := range strings.Lines(strings.TrimSuffix(object, "\n")) {
				list.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
			}
		}
		parameters["objects"] = list.String()
	}
	spec := map[string]any{"provider": "azure", "parameters": parameters}
	if c.Provider != "" {
		spec["provider"] = c.Provider
	}
	if c.SecretObjects != "" {
		var list []any
		if err := yaml.Unmarshal([]byte(c.SecretObjects), &list); err != nil {
			t.Fatal(err)
		}
		spec["secretObjects"] = list
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
		"metadata": map[string]string{"namespace": c.Namespace, "name": c.Name}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Apply makes the class, or changes it.
func (c Class) Apply(t testing.TB) {
	t.Helper()
	Apply(t, c.Manifest(t))
}
