package e2e

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// Whoever asks is known by the connection alone. No header, no path and no other way to the daemon gives a pod what is
// another's, and a pod in the node's network is nobody in particular.
func TestNoPodGetsAnothersToken(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	id, own := Azure().Managed(t), Azure().Managed(t)
	Bind(t, ns, id, ns)
	Bind(t, ns, own, ns+"-own")
	victim := Run(t, Pod(ns, "victim", Of(CurlImage), Labelled(BoundBy, ns)))
	Run(t, Pod(ns, "bound", Of(CurlImage), Labelled(BoundBy, ns+"-own")))
	Run(t, Pod(ns, "plain", Of(CurlImage)))
	Run(t, Pod(ns, "hostly", Of(CurlImage), Labelled(BoundBy, ns), func(p *corev1.PodTemplateSpec) { p.Spec.HostNetwork = true }))
	AwaitToken(t, ns, "victim", "", id.ObjectID)
	AwaitToken(t, ns, "bound", "", own.ObjectID)

	address := victim.Status.PodIP
	headers := []string{"--header", "Metadata: true", "--header", "X-Forwarded-For: " + address, "--header", "X-Real-IP: " + address,
		"--header", "Forwarded: for=" + address, "--header", "podns: " + ns, "--header", "podname: victim"}
	const (
		loopback = "http://127.0.0.1:2579"
		host     = "/host/token/?resource=https%3A%2F%2Fvault.azure.net"
	)
	for name, test := range map[string]struct {
		pod, address string
		want         int
	}{
		"headers of a plain pod":               {"plain", metadataService + tokenPath, http.StatusNotFound},
		"headers and the victim's client id":   {"bound", metadataService + tokenPath + "&client_id=" + id.ClientID, http.StatusNotFound},
		"the host's path of a plain pod":       {"plain", metadataService + host, http.StatusForbidden},
		"the host's path of a bound pod":       {"bound", metadataService + host, http.StatusForbidden},
		"the daemon's port at the node":        {"plain", "http://10.200.0.1:2579" + tokenPath, 0},
		"the daemon's port at the gateway":     {"plain", "http://10.244.0.1:2579" + tokenPath, 0},
		"the pod's own loopback":               {"plain", loopback + host, 0},
		"the node's network, as a pod":         {"hostly", loopback + tokenPath, http.StatusForbidden},
		"the node's network, by client id":     {"hostly", loopback + tokenPath + "&client_id=" + id.ClientID, http.StatusForbidden},
		"the node's network, for nobody's pod": {"hostly", loopback + host + "&client_id=" + own.ClientID, http.StatusNotFound},
	} {
		got := Curl(t, ns, test.pod, test.address, headers...)
		if _, err := tokenOf(got); err == nil || got.status != test.want {
			t.Errorf("%s: %s, not %d", name, got, test.want)
		}
	}
	got, err := tokenOf(Curl(t, ns, "bound", metadataService+tokenPath, headers...))
	if err != nil || got.ObjectID != own.ObjectID {
		t.Errorf("the pod's own token with another's headers: %+v, %v", got, err)
	}
}
