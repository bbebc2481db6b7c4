package mic

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

// many is a cluster of 20,000 pods over 50 identities, on 1,000 nodes of 20 scale sets, where everything is assigned.
func many() (pods []*match.Pod, bindings []aadpodidentity.Binding, identities []aadpodidentity.Identity, nodes map[string]location, existing []*aadpodidentity.AssignedIdentity) {
	for i := range 50 {
		name := fmt.Sprint("identity-", i)
		meta := aadpodidentity.Meta{Namespace: "team", Name: name, UID: "uid-" + name}
		identities = append(identities, aadpodidentity.Identity{Meta: meta, ClientID: "client-" + name,
			ResourceID: "/subscriptions/s/resourcegroups/g/providers/microsoft.managedidentity/userassignedidentities/" + name})
		bindings = append(bindings, aadpodidentity.Binding{Meta: meta, AzureIdentity: name, Selector: name})
	}
	nodes = map[string]location{}
	for i := range 1000 {
		nodes[fmt.Sprint("node-", i)] = location{key: fmt.Sprint("set-", i%20)}
	}
	for i := range 20000 {
		pods = append(pods, &match.Pod{Namespace: fmt.Sprint("ns-", i%40), Name: fmt.Sprint("pod-", i), UID: fmt.Sprint("uid-", i),
			Node: fmt.Sprint("node-", i%1000), Binding: fmt.Sprint("identity-", i%50)})
	}
	wanted, _ := match.Desired(pods, bindings, identities, false)
	for i := range wanted {
		object := wanted[i].Object()
		object.State, object.UID, object.ResourceVersion = aadpodidentity.Assigned, fmt.Sprint("a-", i), fmt.Sprint(i)
		existing = append(existing, &object)
	}
	return pods, bindings, identities, nodes, existing
}

func BenchmarkPass(b *testing.B) {
	pods, bindings, identities, nodes, existing := many()
	b.ReportAllocs()
	for b.Loop() {
		wanted, _ := match.Desired(pods, bindings, identities, false)
		w := world{now: time.Now(), pods: pods, wanted: wanted, existing: existing, nodes: nodes, stands: func(string, string) standing { return attached }}
		if p := w.plan(); len(p.jobs()) != 0 {
			b.Fatal("something is to be written")
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		pods, bindings, identities, nodes, existing := many()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB/20k-pods")
		runtime.KeepAlive(pods)
		runtime.KeepAlive(bindings)
		runtime.KeepAlive(identities)
		runtime.KeepAlive(nodes)
		runtime.KeepAlive(existing)
	}
}
