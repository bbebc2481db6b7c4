package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// local is a manifest of a pod of node n1 with addresses.
func local(name, uid, spec, status string, ips ...string) string {
	var list []string
	for _, ip := range ips {
		list = append(list, fmt.Sprintf("{ip: %q}", ip))
	}
	first := ""
	if len(ips) > 0 {
		first = ips[0]
	}
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: %s, uid: %s, labels: {app: web}, ownerReferences: [
		{apiVersion: v1, kind: ReplicaSet, name: other, uid: o}, {apiVersion: apps/v1, kind: ReplicaSet, name: web-7d, uid: r, controller: true}]},
		spec: {nodeName: n1%s}, status: {%s, podIP: %q, podIPs: [%s]}}`, name, uid, spec, status, first, strings.Join(list, ", "))
}

const isRunning = "phase: Running"

// localWorld watches the pods of node n1.
type localWorld struct {
	*world
	pods *LocalPods
	told chan []netip.Addr
}

func newLocalWorld(t *testing.T) *localWorld {
	t.Helper()
	w := &localWorld{world: newWorld(t), told: make(chan []netip.Addr, 1000)}
	w.pods = w.client.LocalPods("n1")
	w.pods.OnChange(func(ips []netip.Addr) { w.told <- ips })
	return w
}

// at is who has an address, by UID.
func (w *localWorld) at(ip string) string {
	var uids []string
	for _, p := range w.pods.At(netip.MustParseAddr(ip)) {
		uids = append(uids, p.UID)
	}
	slices.Sort(uids)
	return strings.Join(uids, " ")
}

func (w *localWorld) expect(t *testing.T, ips ...string) {
	t.Helper()
	var got []string
	for _, ip := range next(t, w.told) {
		got = append(got, ip.String())
	}
	if !slices.Equal(got, ips) {
		t.Errorf("told of %v, want %v", got, ips)
	}
}

func TestAPodIsFoundByEachOfItsAddressesAndByName(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.Put(local("web", "u1", "", isRunning, "10.0.0.1", "fd00::1"))
	w.Put(strings.ReplaceAll(local("elsewhere", "u2", "", isRunning, "10.0.0.2"), "n1", "n2"))
	running(t, w.pods.Run)
	w.expect(t, "10.0.0.1", "fd00::1")
	for _, ip := range []string{"10.0.0.1", "::ffff:10.0.0.1", "fd00::1", "fd00::1%eth0"} {
		if got := w.at(ip); got != "u1" {
			t.Errorf("%s: %q", ip, got)
		}
	}
	if got := w.at("10.0.0.2"); got != "" {
		t.Errorf("a pod of another node: %s", got)
	}
	p, found := w.pods.Named("shop", "web")
	if !found || p.ReplicaSet != "web-7d" || p.Labels["app"] != "web" || p.Namespace != "shop" || p.Created.IsZero() || p.Finished || p.Deleting || p.HostNetwork {
		t.Errorf("%+v", p)
	}
	if _, found := w.pods.Named("shop", "elsewhere"); found {
		t.Error("a pod of another node has a name here")
	}
	w.opened(t, "pods")
	if !w.pods.Synced() || !w.pods.Heard(0) {
		t.Error("not live")
	}
}

// They have the node's addresses, as whoever on the node calls has.
func TestAPodInTheNodesNetworkHasNoAddress(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.Put(local("agent", "u1", ", hostNetwork: true", isRunning, "10.0.0.1", "fd00::1"))
	running(t, w.pods.Run)
	w.expect(t)
	p, found := w.pods.Named("shop", "agent")
	if got := w.at("10.0.0.1") + w.at("fd00::1"); got != "" || !found || !p.HostNetwork || p.IPs != nil || w.pods.Starting() {
		t.Errorf("%q %+v", got, p)
	}
}

func TestAnAddressPassesFromPodToPod(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	running(t, w.pods.Run)
	w.opened(t, "pods")
	w.Put(local("job", "u1", "", isRunning, "10.0.0.1"))
	w.expect(t, "10.0.0.1")
	w.Put(local("job", "u1", "", "phase: Succeeded", "10.0.0.1"))
	w.expect(t, "10.0.0.1")
	w.Put(local("next", "u2", "", "phase: Pending"))
	w.expect(t)
	if p, found := w.pods.Named("shop", "next"); !found || len(p.IPs) != 0 || !w.pods.Starting() {
		t.Errorf("%+v", p)
	}
	w.Put(local("next", "u2", "", isRunning, "10.0.0.1"))
	w.expect(t, "10.0.0.1")
	if w.pods.Starting() {
		t.Error("every address is known")
	}
	both := w.pods.At(netip.MustParseAddr("10.0.0.1"))
	if len(both) != 2 || both[0].Finished == both[1].Finished {
		t.Errorf("%+v", both)
	}
	w.Put(local("next", "u2", "", isRunning, "10.0.0.2"))
	w.expect(t, "10.0.0.1", "10.0.0.2")
	if w.at("10.0.0.1") != "u1" || w.at("10.0.0.2") != "u2" {
		t.Errorf("%q %q", w.at("10.0.0.1"), w.at("10.0.0.2"))
	}
	w.Put(strings.Replace(local("next", "u2", "", isRunning, "10.0.0.2"), "uid: u2,", "uid: u2, deletionTimestamp: '2030-01-01T00:00:00Z',", 1))
	w.expect(t, "10.0.0.2")
	if p := w.pods.At(netip.MustParseAddr("10.0.0.2")); len(p) != 1 || !p[0].Deleting {
		t.Errorf("%+v", p)
	}
	w.Delete("pods", "shop", "job")
	w.expect(t, "10.0.0.1")
	w.Put(local("never", "u3", "", "phase: Failed"))
	w.Put(local("soon", "u4", "", "phase: Pending"))
	w.expect(t)
	w.expect(t)
	if starting := w.pods.Starting(); !starting {
		t.Error("one has no address yet")
	}
	w.Delete("pods", "shop", "soon")
	w.Delete("pods", "shop", "never")
	w.expect(t)
	w.expect(t)
	if w.pods.Starting() {
		t.Error("what has ended has no address, and needs none")
	}
	if w.at("10.0.0.1") != "" || len(w.pods.byAddress) != 1 || len(w.pods.byName) != 1 {
		t.Errorf("left: %v %v", w.pods.byAddress, w.pods.byName)
	}
}

func TestAnotherPodOfANameTakesItOver(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.Put(local("db-0", "u1", "", isRunning, "10.0.0.1"))
	running(t, w.pods.Run)
	w.expect(t, "10.0.0.1")
	w.opened(t, "pods")
	w.Stop()
	w.Put(local("db-0", "u2", "", isRunning, "10.0.0.1", "10.0.0.2"))
	w.Put(local("web", "u3", "", isRunning, "10.0.0.3"))
	w.Expire()
	resume(t, w.world)
	w.opened(t, "pods")
	if p, found := w.pods.Named("shop", "db-0"); !found || p.UID != "u2" || w.at("10.0.0.1") != "u2" || w.at("10.0.0.2") != "u2" || w.at("10.0.0.3") != "u3" {
		t.Errorf("%+v %q", p, w.at("10.0.0.1"))
	}
	if n := len(w.told); n != 3 {
		t.Errorf("told %d times of two that are new and one that is gone", n)
	}
}

func TestWhatDoesNotMatterOfAPodIsNotTold(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	heard := news(w.pods.watch)
	running(t, w.pods.Run)
	w.opened(t, "pods")
	w.Put(local("web", "u1", "", isRunning, "10.0.0.1", "no address", "10.0.0.1"))
	w.expect(t, "10.0.0.1")
	w.Put(local("web", "u1", ", priority: 1", isRunning+", qosClass: x", "10.0.0.1"))
	next(t, heard)
	next(t, heard)
	silent(t, w.told)
}

func TestBoundPodsAreAllThatCarryTheLabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.BoundPods()
	heard, told := news(s.watch), make(chan struct{}, 100)
	s.OnChange(func() { told <- struct{}{} })
	put := func(name, meta, rest string) {
		w.Put(fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: %s, uid: u-%s%s}%s}", name, name, meta, rest))
	}
	put("none", "", "")
	put("empty", ", labels: {aadpodidbinding: ''}", "")
	put("web", ", labels: {aadpodidbinding: vault, a: b}", ", spec: {nodeName: n1}, status: {phase: Running}")
	running(t, s.Run)
	next(t, told)
	next(t, told)
	w.opened(t, "pods")
	for range 2 {
		next(t, heard)
	}
	list := copied(s.List())
	slices.SortFunc(list, func(a, b BoundPod) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		if time.Since(list[i].Created) > time.Hour {
			t.Error("created", list[i].Created)
		}
		list[i].Created = time.Time{}
	}
	want := []BoundPod{
		{Namespace: "shop", Name: "empty", UID: "u-empty"},
		{Namespace: "shop", Name: "web", UID: "u-web", Node: "n1", Binding: "vault"},
	}
	if !slices.Equal(list, want) || !s.Synced() {
		t.Errorf("%+v", list)
	}
	change := func(what string, matters bool, meta, rest string) {
		t.Helper()
		put("web", meta, rest)
		next(t, heard)
		if matters {
			next(t, told)
		}
		silent(t, told)
	}
	change("a condition", false, ", labels: {aadpodidbinding: vault, c: d}", ", spec: {nodeName: n1}, status: {phase: Running, conditions: [{type: A}]}")
	change("its end", true, ", labels: {aadpodidbinding: vault}", ", spec: {nodeName: n1}, status: {phase: Failed}")
	change("its way out", true, ", deletionTimestamp: '2030-01-01T00:00:00Z', labels: {aadpodidbinding: vault}", ", spec: {nodeName: n1}, status: {phase: Failed}")
	if p, _ := s.watch.get("u-web"); !p.Finished || !p.Deleting {
		t.Errorf("%+v", p)
	}
	change("without its label", true, "", ", spec: {nodeName: n1}")
	if len(s.List()) != 1 {
		t.Errorf("%+v", s.List())
	}
}

// Not in parallel: it measures the heap.
func TestBoundPodsAreSmall(t *testing.T) {
	const many = manyPage + 1
	w := newWorld(t)
	for i := range many {
		w.Put(fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: frontend-5d8f7c9b6d-%d, uid: a0000000-0000-4000-8000-%012d, labels: {aadpodidbinding: vault, big: %s}}, spec: {nodeName: aks-pool-vmss000003}}",
			i, i, strings.Repeat("x", 5<<10)))
	}
	s := w.client.BoundPods()
	before := heap()
	running(t, s.Run)
	w.opened(t, "pods")
	w.client.Close()
	if pages := w.Count("list", "pods"); pages != 2 {
		t.Errorf("%d pages", pages)
	}
	if grown := heap() - before; grown > many*2<<10 {
		t.Errorf("%d pods keep %d bytes each", many, grown/many)
	} else {
		t.Logf("%d pods keep %d bytes each", many, grown/many)
	}
}
