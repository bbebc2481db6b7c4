package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// With Retry-After clients wait instead of NMI, and Azure's SDK does it by itself. In managed mode there is no MIC: a
// binding alone decides, within its namespace, about what somebody else put on the machine.
func TestRetryAfterAndManagedMode(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentityAlone(t, "podIdentity: {nmi: {setRetryAfterHeader: true, retryAttemptsForCreated: 1, retryAttemptsForAssigned: 1, findIdentityRetryIntervalInSeconds: 1}}")
	ns := PodSpace(t)
	id := Azure().Managed(t)
	mend := Azure().Break(t, azure.Fault{Service: "arm", Outage: true}) // or the identity would be there too soon
	Bind(t, ns, id, ns)
	Run(t, Pod(ns, "web", Of(SDKImage), Labelled(BoundBy, ns)))
	Eventually(t, "503 with Retry-After", func() error {
		got := AskMetadata(t, ns, "web", tokenPath)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "20" {
			return fmt.Errorf("%s, %v", got, got.header) // 404 until NMI has seen the binding
		}
		return nil
	})
	mark, before := Azure().Mark(t), unavailable(t, ns)
	answered := make(chan string, 1)
	go func() { answered <- bySDK(t, ns, "web", id.ClientID) }()
	Eventually(t, "the SDK is asked to come back", func() error {
		if now := unavailable(t, ns); now <= before {
			return fmt.Errorf("%v requests were", now)
		}
		return nil
	})
	mend()
	if got := <-answered; got != id.ObjectID {
		t.Errorf("the SDK has %q", got)
	}
	if got := mark.Since(t, azure.Kind("vmss-patch")); len(got) == 0 {
		t.Error("the identity was there already")
	}
	AwaitAssigned(t, ns, "web", id.Name)

	Upgrade(t, podIdentityValues(), "podIdentity: {operationMode: managed}")
	AwaitDaemonSet(t, systemNamespace, NMI)
	AwaitNoPods(t, systemNamespace, "app=mic")
	AwaitAssigned(t, ns, "web") // nobody is left to take the finalizer off
	elsewhere := Namespace(t)
	Azure().Assign(t, id)
	Bind(t, elsewhere, id, "shared")
	Run(t, Pod(elsewhere, "web", Of(SDKImage), Labelled(BoundBy, "shared")))
	Run(t, Pod(ns, "stranger", Of(CurlImage), Labelled(BoundBy, "shared")))
	AwaitToken(t, elsewhere, "web", "", id.ObjectID)
	if got := bySDK(t, elsewhere, "web", id.ClientID); got != id.ObjectID {
		t.Errorf("the SDK has %q", got)
	}
	AwaitRefusal(t, ns, "stranger", "", http.StatusNotFound, "no AzureIdentityBinding of namespace "+ns)
	AwaitRefusal(t, elsewhere, "web", "&client_id="+azure.ControllerID, http.StatusNotFound, "no azure identity of this pod")
	AwaitAssigned(t, elsewhere, "web") // nobody writes any
}

// bySDK asks for a token with Azure's SDK for Go, and gives the object id it is for.
func bySDK(t *testing.T, ns, pod, clientID string) string {
	out, err := TryExec(t, ns, pod, "sdk", "https://vault.azure.net", clientID)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(out)
}

// unavailable is how many requests of a namespace's pods NMI has asked to come back.
func unavailable(t *testing.T, ns string) (sum float64) {
	for name, value := range Metrics(t, node.Address+":9090") {
		if strings.HasPrefix(name, "aadpodidentity_nmi_operations_duration_seconds_count{") &&
			holdsAll(name, []string{`namespace="` + ns + `"`, `status_code="503"`}) {
			sum += value
		}
	}
	return sum
}
