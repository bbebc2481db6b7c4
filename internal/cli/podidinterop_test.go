package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const assignedPath = "/apis/aadpodidentity.k8s.io/v1/namespaces/default/azureassignedidentities"

// originally writes to the API server as the archived project's programs do.
func (w *podWorld) originally(method, path, media, body string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.api.URL()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %s %s", method, path, response.Status, text)
	}
}

// original is an object of the archived project's MIC: every field of its types, unused ones as nothing, copies with the
// kinds of lists, as its upgrade of old objects left them, and a status that programs of old did not write.
func (w *podWorld) original(pod, identity, node, status string) string {
	text := fmt.Sprintf(`{"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureAssignedIdentity",
"metadata": {"name": "%[1]s-shop-%[2]s", "namespace": "default", "labels": {"nodename": %[3]q}, "creationTimestamp": null,
  "finalizers": ["azureassignedidentity.finalizers.aadpodidentity.k8s.io"]},
"spec": {"metadata": {"creationTimestamp": null}, "nodename": %[3]q, "pod": %[1]q, "podNamespace": "shop", "replicas": null,
  "azureBindingRef": {"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureIdentityBindingList",
    "metadata": {"name": %[2]q, "namespace": "shop", "uid": "u-b", "resourceVersion": "7", "creationTimestamp": null},
    "spec": {"metadata": {"creationTimestamp": null}, "azureIdentity": %[2]q, "selector": %[2]q, "weight": 0},
    "status": {"metadata": {"creationTimestamp": null}, "availableReplicas": 0}},
  "azureIdentityRef": {"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureIdentityList",
    "metadata": {"name": %[2]q, "namespace": "shop", "uid": "u-i", "resourceVersion": "8", "creationTimestamp": null, "annotations": {"a": "b"},
      "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}]},
    "spec": {"metadata": {"creationTimestamp": null}, "type": 0, "resourceID": "%[4]s/Microsoft.ManagedIdentity/userAssignedIdentities/%[2]s",
      "clientID": %[5]q, "clientPassword": {}, "tenantID": "", "auxiliaryTenantIDs": null, "adResourceID": "", "adEndpoint": "", "replicas": null},
    "status": {"metadata": {"creationTimestamp": null}, "availableReplicas": 0}}},
"status": {"metadata": {"creationTimestamp": null}, "status": %[6]q, "availableReplicas": 1}}`, pod, identity, node, emulated, w.clientID(identity), status)
	if status == "" {
		text = strings.Replace(text, `"status": "", `, "", 1)
	}
	return text
}

// Our NMI beside the archived MIC: it follows each step of an object as that writes them.
func TestNMIFollowsTheOriginalsMIC(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, 0)
	nmi := w.nmi("node-0")
	gets := func(ip string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		holder, _ := w.ask(ctx, nmi, ip, "")
		return holder
	}
	w.putPod("web", "foreign", "127.0.1.1")
	w.originally("POST", assignedPath, "application/json", w.original("web", "foreign", "node-0", "Created"))
	if got := gets("127.0.1.1"); got != "" {
		t.Errorf("Created gave a token of %s", got)
	}
	patch := func(state string) {
		w.originally("PATCH", assignedPath+"/web-shop-foreign", "application/json-patch+json", `[{"op": "replace", "path": "/status/status", "value": "`+state+`"}]`)
	}
	patch("Assigned")
	foreign := w.clientID("foreign")
	until(t, "Assigned gives a token", func() bool { return gets("127.0.1.1") == foreign })

	w.putPod("old", "foreign", "127.0.1.2") // of a program that wrote no state
	w.originally("POST", assignedPath, "application/json", w.original("old", "foreign", "node-0", ""))
	until(t, "an empty state gives a token", func() bool { return gets("127.0.1.2") == foreign })

	w.putPod("far", "foreign", "127.0.1.3") // assigned on another node
	w.originally("POST", assignedPath, "application/json", w.original("far", "foreign", "node-1", "Assigned"))
	if got := gets("127.0.1.3"); got != "" {
		t.Errorf("an object of another node gave a token of %s", got)
	}

	patch("Unassigned")
	until(t, "Unassigned gives none", func() bool { return gets("127.0.1.1") == "" })
	w.originally("DELETE", assignedPath+"/web-shop-foreign", "application/json", "")
	if got := gets("127.0.1.1"); got != "" {
		t.Errorf("an object on its way out gave a token of %s", got)
	}
}

// originalNMI is what the archived NMI makes of an object for a pod: the client id that it asks for, by its own rules. It
// watches by the label of its node.
func originalNMI(object map[string]any, node, pod string) string {
	at := func(path string) string {
		var v any = object
		for step := range strings.SplitSeq(path, ".") {
			m, _ := v.(map[string]any)
			v = m[step]
		}
		text, _ := v.(string)
		return text
	}
	if at("metadata.labels.nodename") != node || at("spec.podNamespace") != "shop" || at("spec.pod") != pod || at("status.status") != "Assigned" && at("status.status") != "" {
		return ""
	}
	for _, ref := range []string{"spec.azureIdentityRef", "spec.azureBindingRef"} { // without these the API server takes no such object
		if at(ref+".apiVersion") == "" || at(ref+".kind") == "" || at(ref+".metadata.name") == "" {
			return ref + " is incomplete"
		}
	}
	if at("spec.azureIdentityRef.spec.resourceID") == "" || at("spec.azureIdentityRef.metadata.namespace") != "shop" {
		return "the copy of the identity is incomplete"
	}
	return at("spec.azureIdentityRef.spec.clientID")
}

// The archived NMI beside our MIC: it reads what ours writes, under the names and with the finalizer of old.
func TestTheOriginalsNMIReadsWhatMICWrites(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, time.Second)
	w.mic("mic-0")
	w.putPod("web", "a", "127.0.1.1")
	read := func() string {
		object, _ := w.api.Get("azureassignedidentities", "default", "web-shop-a")
		return originalNMI(object, "node-0", "web")
	}
	until(t, "the object is written", func() bool { return w.states()["web"] != "" })
	if got := w.states()["web"]; got == "a Created" && read() != "" {
		t.Errorf("Created is read as %s", read())
	}
	until(t, "it is Assigned", func() bool { return w.states()["web"] == "a Assigned" })
	if got, want := read(), w.clientID("a"); got != want {
		t.Errorf("read as %q, want %s", got, want)
	}
	object, _ := w.api.Get("azureassignedidentities", "default", "web-shop-a")
	metadata, _ := object["metadata"].(map[string]any)
	if diff := cmp.Diff([]any{[]any{"azureassignedidentity.finalizers.aadpodidentity.k8s.io"}, map[string]any{"nodename": "node-0"}}, []any{metadata["finalizers"], metadata["labels"]}); diff != "" {
		t.Error(diff)
	}
	w.api.Delete("pods", "shop", "web")
	until(t, "it goes, finalizer and all", func() bool { return len(w.states()) == 0 })
}

// Our MIC takes over from the archived one, which ended in the middle of things: nobody loses a token, what was begun is
// brought to its end, what was given up goes, and what somebody else put on the machine stays there.
func TestMICTakesOverFromTheOriginal(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, 0)
	w.bind("foreign")
	nmi := w.nmi("node-0")
	for i, pod := range []string{"web", "begun", "again"} {
		w.putPod(pod, map[string]string{"web": "foreign", "begun": "a", "again": "b"}[pod], fmt.Sprint("127.0.1.", i+1))
	}
	for _, object := range []string{
		w.original("web", "foreign", "node-0", "Assigned"), w.original("begun", "a", "node-0", "Created"),
		w.original("again", "b", "node-0", "Unassigned"), w.original("gone", "c", "node-0", "Assigned"), w.original("lost", "c", "node-9", "Unassigned"),
	} {
		w.originally("POST", assignedPath, "application/json", object)
	}
	w.mic("mic-0")
	want := map[string]string{"web": "foreign Assigned", "begun": "a Assigned", "again": "b Assigned"}
	until(t, "everything is as wanted", func() bool {
		if holder, said := w.ask(t.Context(), nmi, "127.0.1.1", ""); holder != w.clientID("foreign") {
			t.Errorf("meanwhile the pod got a token of %q: %s", holder, said)
		}
		return fmt.Sprint(w.states()) == fmt.Sprint(want)
	})
	for ip, name := range map[string]string{"127.0.1.2": "a", "127.0.1.3": "b"} {
		if holder, said := w.ask(t.Context(), nmi, ip, ""); holder != w.clientID(name) {
			t.Errorf("%s got a token of %q: %s", ip, holder, said)
		}
	}
	for _, pod := range []string{"web", "begun", "again"} {
		w.api.Delete("pods", "shop", pod)
	}
	until(t, "all of it goes", func() bool { return len(w.states()) == 0 && !w.onMachine("a") && !w.onMachine("b") })
	if !w.onMachine("foreign") {
		t.Error("what somebody else put there was taken off")
	}
}

// Health and figures are served, and nothing else beside them: whoever reads a profile learns what the process does.
func TestPortsOfPodIdentityTellNothingElse(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, 0)
	for _, c := range []*child{w.mic("mic-0"), w.nmi("node-0")} {
		until(t, "it is active", func() bool { return get(t, "http://"+port(c.said("health"))+"/healthz") == "Active" })
		if !strings.Contains(get(t, "http://"+port(c.said("metrics"))+"/metrics"), "go_goroutines") {
			t.Error("no figures")
		}
		for _, where := range []string{"health", "metrics"} {
			for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/"} {
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+port(c.said(where))+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				if response.StatusCode != http.StatusNotFound {
					t.Errorf("%s at the %s port: %s", path, where, response.Status)
				}
			}
		}
	}
}

// port is an address with every interface as a client of this machine reaches it.
func port(address string) string { return strings.Replace(address, "[::]", "127.0.0.1", 1) }
