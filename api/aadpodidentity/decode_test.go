package aadpodidentity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
)

const id = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n"

// The metadata comes as servers send it, with what nobody here reads.
const meta = `"metadata": {"name": "n", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2,
	"annotations": {"aadpodidentity.k8s.io/Behavior": "namespaced"}, "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]}`

var wantMeta = aadpodidentity.Meta{
	Namespace: "shop", Name: "n", UID: "u", ResourceVersion: "7",
	Annotations: map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced},
}

func TestAnIdentityIsReadInEitherSpelling(t *testing.T) {
	t.Parallel()
	full := aadpodidentity.Identity{
		Meta: wantMeta, Type: aadpodidentity.ServicePrincipal, ResourceID: id, ClientID: "c",
		ClientPassword: aadpodidentity.SecretRef{Namespace: "ns", Name: "s"}, TenantID: "t", AuxiliaryTenantIDs: []string{"a", "b"}, ADEndpoint: "e",
	}
	for name, test := range map[string]struct {
		spec string
		want aadpodidentity.Identity
	}{
		"canonical": {`{"type": 1, "resourceID": "` + id + `", "clientID": "c", "clientPassword": {"name": "s", "namespace": "ns"}, "tenantID": "t",
			"auxiliaryTenantIDs": ["a", "b"], "adEndpoint": "e", "adResourceID": "x", "replicas": null, "metadata": {"creationTimestamp": null}}`, full},
		"old": {`{"type": 1, "ResourceID": "` + id + `", "ClientID": "c", "ClientPassword": {"Name": "s", "Namespace": "ns"}, "TenantID": "t",
			"AuxiliaryTenantIDs": ["a", "b"], "ADEndpoint": "e"}`, full},
		"each in the other": {`{"type": 1, "ResourceID": "` + id + `", "clientID": "c", "clientPassword": {"Name": "s", "namespace": "ns"}, "TenantID": "t",
			"auxiliaryTenantIDs": ["a", "b"], "ADEndpoint": "e"}`, full},
		"both, the canonical wins": {`{"type": 1, "resourceID": "` + id + `", "ResourceID": "other", "ClientID": "other", "clientID": "c",
			"clientPassword": {"name": "s", "namespace": "ns"}, "ClientPassword": {"Name": "other"}, "TenantID": "other", "tenantID": "t",
			"AuxiliaryTenantIDs": ["other"], "auxiliaryTenantIDs": ["a", "b"], "adEndpoint": "e", "ADEndpoint": "other"}`, full},
		"both, the canonical empty": {`{"type": 1, "resourceID": "", "ResourceID": "` + id + `", "clientID": null, "ClientID": "c",
			"clientPassword": {}, "ClientPassword": {"Name": "s", "Namespace": "ns"}, "TenantID": "t", "tenantID": "",
			"AuxiliaryTenantIDs": ["a", "b"], "auxiliaryTenantIDs": [], "adEndpoint": "", "ADEndpoint": "e"}`, full},
		"a spelling nobody ever wrote": {`{"resourceid": "x", "RESOURCEID": "x", "Type": 2}`, aadpodidentity.Identity{Meta: wantMeta}},
		"nothing":                      {`{}`, aadpodidentity.Identity{Meta: wantMeta}},
		"null":                         {`null`, aadpodidentity.Identity{Meta: wantMeta}},
		"nulls":                        {`{"type": null, "auxiliaryTenantIDs": null, "clientPassword": null, "replicas": null}`, aadpodidentity.Identity{Meta: wantMeta}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := aadpodidentity.DecodeIdentity([]byte(`{` + meta + `, "spec": ` + test.spec + `, "status": {"metadata": {"creationTimestamp": null}}}`))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			if !got.Namespaced() {
				t.Error("not kept to its namespace")
			}
		})
	}
}

func TestABindingIsReadInEitherSpelling(t *testing.T) {
	t.Parallel()
	want := aadpodidentity.Binding{Meta: wantMeta, AzureIdentity: "i", Selector: "s"}
	for _, spec := range []string{
		`{"azureIdentity": "i", "selector": "s", "weight": 0, "metadata": {"creationTimestamp": null}}`, `{"AzureIdentity": "i", "Selector": "s"}`,
		`{"AzureIdentity": "other", "azureIdentity": "i", "selector": "", "Selector": "s"}`,
	} {
		got, err := aadpodidentity.DecodeBinding([]byte(`{` + meta + `, "spec": ` + spec + `}`))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(spec, err, diff)
		}
	}
}

func TestAnExceptionIsReadInEitherSpelling(t *testing.T) {
	t.Parallel()
	want := aadpodidentity.Exception{Meta: wantMeta, PodLabels: map[string]string{"app": "x"}}
	for _, spec := range []string{
		`{"podLabels": {"app": "x"}, "metadata": {"creationTimestamp": null}}`, `{"PodLabels": {"app": "x"}}`,
		`{"PodLabels": {"other": "x"}, "podLabels": {"app": "x"}}`, `{"PodLabels": {"app": "x"}, "podLabels": {}}`,
	} {
		got, err := aadpodidentity.DecodeException([]byte(`{` + meta + `, "spec": ` + spec + `}`))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(spec, err, diff)
		}
	}
}

// An object that means nothing is better than a list that cannot be read; its name is for the log.
func TestWhatCannotBeReadHasItsNameAndMeansNothing(t *testing.T) {
	t.Parallel()
	for spec, field := range map[string]string{
		`{"type": "0", "resourceID": "x"}`: "type", `{"resourceID": 7, "clientID": "c"}`: "resourceID", `{"ClientPassword": {"Name": 1}}`: "ClientPassword",
		`{"clientPassword": "s"}`: "clientPassword", `{"AuxiliaryTenantIDs": "a"}`: "AuxiliaryTenantIDs", `"spec"`: "string",
	} {
		got, err := aadpodidentity.DecodeIdentity([]byte(`{` + meta + `, "spec": ` + spec + `}`))
		if diff := cmp.Diff(aadpodidentity.Identity{Meta: wantMeta}, got); diff != "" {
			t.Error(spec, diff)
		}
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "shop/n: ") || !strings.Contains(err.Error(), field) {
			t.Error(spec, err)
		}
	}
	if b, err := aadpodidentity.DecodeBinding([]byte(`{` + meta + `, "spec": {"azureIdentity": "i", "selector": []}}`)); err == nil || b.AzureIdentity != "" || b.Name != "n" {
		t.Error(b, err)
	}
	if e, err := aadpodidentity.DecodeException([]byte(`{` + meta + `, "spec": {"podLabels": {"a": 1, "b": "c"}}}`)); err == nil || e.PodLabels != nil || e.Name != "n" {
		t.Error(e, err)
	}
	for _, wrong := range []string{
		`"spec": {"pod": 1}`, `"spec": {"pod": "p", "azureIdentityRef": {"spec": 1}}`, `"spec": {"pod": "p", "azureBindingRef": 1}`,
		`"spec": {"pod": "p"}, "status": {"status": 1}`, `"spec": {"pod": "p"}, "status": 1`,
	} {
		a, err := aadpodidentity.DecodeAssignedIdentity([]byte(`{` + meta + `, ` + wrong + `}`))
		if fault.KindOf(err) != fault.Invalid || a.Pod != "" || a.Name != "n" {
			t.Error(wrong, a, err)
		}
	}
	for _, raw := range []string{``, `[]`, `{`, `{"metadata": 1}`, `{"metadata": {"name": 1}}`} {
		if _, err := aadpodidentity.DecodeIdentity([]byte(raw)); fault.KindOf(err) != fault.Invalid {
			t.Error(raw, err)
		}
	}
}
