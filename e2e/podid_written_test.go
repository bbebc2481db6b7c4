package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"strongroom/e2e/azure"
)

// Identity and binding as people have them, fields in capitals, give labelled pods, and no others, tokens of that identity
// for every resource, and mount their vault. What the node itself asks is not touched.
func TestPodIdentityWorksAsWritten(t *testing.T) {
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	machine := Azure().Machine(t)
	id := demoIdentity(t)

	labelled := Run(t, Pod(ns, "labelled", Of(CurlImage), Labelled(BoundBy, "demo-kv-access")))
	Run(t, Pod(ns, "plain", Of(CurlImage)))
	AwaitAssigned(t, ns, labelled.Name, id.Name)
	for _, query := range []string{
		"", "&client_id=" + id.ClientID, "&client_id=" + strings.ToUpper(id.ClientID), "&msi_res_id=" + url.QueryEscape(id.ResourceID),
		"&mi_res_id=" + url.QueryEscape(id.ResourceID), "&object_id=" + id.ObjectID,
	} {
		if got := AwaitToken(t, ns, labelled.Name, query, id.ObjectID); strings.TrimSuffix(got.Audience, "/") != "https://vault.azure.net" || got.ClientID != id.ClientID {
			t.Errorf("%q: %+v", query, got)
		}
	}
	storage := strings.Replace(tokenPath, "vault.azure.net", "storage.azure.com%2F", 1)
	if got, err := tokenOf(AskMetadata(t, ns, labelled.Name, storage)); err != nil || got.ObjectID != id.ObjectID || !strings.HasPrefix(got.Audience, "https://storage.azure.com") {
		t.Errorf("storage: %+v, %v", got, err)
	}
	t.Run("csi", func(t *testing.T) {
		holdsExample(t, asWritten(t, "pod-identity.yaml"), "contoso-kv")
	})
	t.Run("refused", func(t *testing.T) { refusals(t, ns, labelled.Name) })

	response, err := askIMDS(t)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the node's own request: %s", response.Status)
	}
	if now := Azure().Machine(t); now.PrincipalID != machine.PrincipalID || now.TenantID != machine.TenantID || now.PrincipalID == "" {
		t.Errorf("the machine's own identity is %s of %s, was %s of %s", now.PrincipalID, now.TenantID, machine.PrincipalID, machine.TenantID)
	}
}

// demo is held by the test that has the page's binding, which selects labelled pods of every namespace.
var demo sync.Mutex

// demoIdentity creates identity and binding of the page that tells how, with its placeholders filled in, in the namespace
// it uses. One test at a time has them.
func demoIdentity(t *testing.T) azure.Identity {
	t.Helper()
	demo.Lock()
	t.Cleanup(demo.Unlock)
	plantExamples(t)
	id := azure.Identity{Name: "podidentitydemouser", ClientID: examplePodIdentity, ResourceID: azure.ResourceID("podidentitydemouser")}
	id.ObjectID = Azure().ObjectID(t, id)
	manifest := fmt.Sprintf(`apiVersion: "aadpodidentity.k8s.io/v1"
kind: AzureIdentity
metadata:
 name: podidentitydemouser
spec:
 type: 0
 ResourceID: %s
 ClientID: %s
---
apiVersion: "aadpodidentity.k8s.io/v1"
kind: AzureIdentityBinding
metadata:
 name: podidentitydemouser-binding
spec:
 AzureIdentity: podidentitydemouser
 Selector: demo-kv-access
`, id.ResourceID, id.ClientID)
	t.Cleanup(func() {
		if _, err := TryKubectl(t, manifest, "delete", "--filename", "-"); err != nil {
			t.Error(err)
		}
	})
	if _, err := TryKubectl(t, manifest, "create", "--filename", "-"); err != nil {
		t.Fatal(err)
	}
	return id
}

// refusals are told in words, each with the status that clients of the original know.
func refusals(t *testing.T, ns, labelled string) {
	other := Azure().Managed(t)
	Azure().Assign(t, other) // IMDS would give its tokens, and the pod may not have them
	AwaitRefusal(t, ns, labelled, "&client_id="+other.ClientID, http.StatusNotFound, "no azure identity", "podidentitydemouser")
	AwaitRefusal(t, ns, labelled, "&msi_res_id="+url.QueryEscape(other.ResourceID), http.StatusNotFound, "no azure identity")
	AwaitRefusal(t, ns, "plain", "", http.StatusNotFound, "the pod has no label "+BoundBy, "kubectl get azureidentitybindings")
	AwaitRefusal(t, ns, "plain", "&client_id="+other.ClientID, http.StatusNotFound, "the pod has no label")

	const header = `{"error":"invalid_request","error_description":"Required metadata header not specified"}`
	if got := Curl(t, ns, labelled, metadataService+tokenPath); got.status != http.StatusBadRequest || !strings.HasPrefix(got.body, header) {
		t.Errorf("without the header: %s", got)
	}
	for path, want := range map[string]int{
		"/metadata/instance?api-version=2021-02-01":                    http.StatusForbidden,
		"/Metadata/instance":                                           http.StatusForbidden,
		"/metadata/identity/oauth2/token?api-version=2018-02-01":       http.StatusBadRequest,
		"/metadata/identity/info?api-version=2018-02-01":               http.StatusNotFound,
		"/nothing/of/the/kind":                                         http.StatusNotFound,
		strings.Replace(tokenPath, "/identity/", "/%69dentity/", 1):    http.StatusBadRequest,
		strings.Replace(tokenPath, "/identity/", "/Identity/", 1):      http.StatusNotFound,
		strings.Replace(tokenPath, "/metadata/", "//metadata/./", 1):   http.StatusBadRequest,
		strings.Replace(tokenPath, "/identity/", "\\identity\\", 1):    http.StatusBadRequest,
		strings.Replace(tokenPath, "oauth2/token", "oauth2/token/", 1): http.StatusOK,
	} {
		if got := Curl(t, ns, labelled, metadataService+path, "--header", "Metadata: true", "--path-as-is"); got.status != want {
			t.Errorf("%s: %s, not %d", path, got, want)
		}
	}
}
