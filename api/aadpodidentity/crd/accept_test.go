package crd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
)

// samples are manifests in every shape people have them in: as the documents of the archived project spelled them before
// and after release 1.6, as its chart and its programs write them.
const samples = `
kind: AzureIdentity
spec: {type: 0, resourceID: /subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n, clientID: c}
---
kind: AzureIdentity
spec: {type: 0, ResourceID: /subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n, ClientID: c}
---
kind: AzureIdentity
spec: {type: 1, tenantID: t, clientID: c, clientPassword: {name: s, namespace: default}, auxiliaryTenantIDs: [a, b], adEndpoint: e, adResourceID: r}
---
kind: AzureIdentity
spec: {type: 1, TenantID: t, ClientID: c, ClientPassword: {"Name": s, "Namespace": default}}
---
kind: AzureIdentity
spec: {type: 2, tenantID: t, clientID: c, clientPassword: {"Name": s, "Namespace": default}}
---
kind: AzureIdentity
spec: {metadata: {creationTimestamp: null}, type: 0, clientPassword: {}, auxiliaryTenantIDs: null, replicas: null, adEndpoint: ""}
status: {metadata: {creationTimestamp: null}, availableReplicas: 0}
---
kind: AzureIdentity
spec: {AuxiliaryTenantIDs: [a], ADEndpoint: e}
status: {conditions: [{type: Attached, status: "True", reason: r, message: m, observedGeneration: 1, lastTransitionTime: "2030-01-01T00:00:00Z"}]}
---
kind: AzureIdentityBinding
spec: {azureIdentity: i, selector: s, weight: 1}
---
kind: AzureIdentityBinding
spec: {AzureIdentity: i, Selector: s}
---
kind: AzureIdentityBinding
spec: {metadata: {creationTimestamp: null}, azureIdentity: i, selector: s, weight: 0}
status: {metadata: {creationTimestamp: null}, availableReplicas: 0}
---
kind: AzurePodIdentityException
spec: {podLabels: {app: mic, component: mic, app.kubernetes.io/component: mic}}
---
kind: AzurePodIdentityException
spec: {PodLabels: {kubernetes.azure.com/managedby: aks}}
---
kind: AzurePodIdentityException
spec: {metadata: {creationTimestamp: null}}
status: {metadata: {creationTimestamp: null}, status: ""}
`

func TestSchemasKeepWhatPeopleAndProgramsWrite(t *testing.T) {
	t.Parallel()
	for i, text := range strings.Split(samples, "---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		kind := object["kind"].(string)
		accepts(t, fmt.Sprintf("sample %d %s", i+1, kind), schemaOf(t, kind), object)
	}
	raw, err := os.ReadFile("../testdata/assigned.json")
	if err != nil {
		t.Fatal(err)
	}
	a, err := aadpodidentity.DecodeAssignedIdentity(raw)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := aadpodidentity.EncodeAssignedIdentity(a)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{"theirs": raw, "ours": ours} {
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		accepts(t, what, schemaOf(t, aadpodidentity.KindAssignedIdentity), object)
	}
}

// accepts reports what an API server would refuse or drop of a value.
func accepts(t *testing.T, path string, s *schema, value any) {
	t.Helper()
	want := ""
	switch value := value.(type) {
	case map[string]any:
		want = "object"
		if strings.HasSuffix(path, "metadata") && s.Properties == nil {
			return // the server's own
		}
		for key, inner := range value {
			next := s.Additional
			if next == nil {
				next = s.Properties[key]
			}
			if next == nil {
				t.Errorf("%s.%s would be dropped", path, key)
				continue
			}
			accepts(t, path+"."+key, next, inner)
		}
	case []any:
		want = "array"
		for _, inner := range value {
			accepts(t, path+"[]", s.Items, inner)
		}
	case nil:
		if !s.Nullable {
			t.Errorf("%s: null is refused", path)
		}
		return
	case string:
		want = "string"
	case int, float64:
		want = "integer"
	}
	if s.Type != want {
		t.Errorf("%s: %s for %s", path, want, s.Type)
	}
}

// The pattern in the rule is run by the same engine in the API server. How the rule reads type and both spellings, and
// that it lets an old value be, is checked against a real one: TestRealPodIdentity in internal/kube.
func TestTheRuleKnowsAResourceID(t *testing.T) {
	t.Parallel()
	rules := schemaOf(t, aadpodidentity.KindIdentity).Properties["spec"].Rules
	if len(rules) != 1 || !rules[0].OptionalOldSelf || rules[0].Message == "" {
		t.Fatalf("%+v", rules)
	}
	quoted := regexp.MustCompile(`id\.matches\('([^']*)'\)`).FindStringSubmatch(rules[0].Rule)
	if quoted == nil {
		t.Fatal(rules[0].Rule)
	}
	pattern := regexp.MustCompile(quoted[1])
	for id, fits := range map[string]bool{
		"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n":                              true,
		"/SUBSCRIPTIONS/s/resourceGroups/g/PROVIDERS/microsoft.managedidentity/userassignedidentities/n":                              true,
		"https://management.azure.com/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n/": true,
		"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/":                               false,
		"/subscriptions//resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n":                               false,
		"subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n":                               false,
		"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/n":                                                     false,
		"/subscriptions/s/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n":                                               false,
		"n": false,
	} {
		if pattern.MatchString(id) != fits {
			t.Errorf("%s: %v", id, !fits)
		}
	}
}
