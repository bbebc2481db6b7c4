package kube

import (
	"context"
	"net/netip"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// LocalPod is what matters of a pod that may ask for a token.
type LocalPod struct {
	Namespace, Name, UID string
	// ReplicaSet is the name of the one that controls the pod, empty when none does.
	ReplicaSet string
	Labels     map[string]string
	// IPs are the pod's own addresses, IPv4 ones as such; none of a pod in the node's network.
	IPs []netip.Addr
	// HostNetwork is true of a pod that has the node's addresses, which say nothing about who asks.
	HostNetwork bool
	Finished    bool // it has succeeded or failed; its addresses may be another pod's by now
	Deleting    bool // its deletion was asked for; it may run for a while yet
	Created     time.Time
}

// LocalPods are those of one node, by their addresses and names. What it hands out is shared and must not be changed.
type LocalPods struct {
	watch     *watch[LocalPod]
	byAddress map[netip.Addr][]string // keys of the watch; guarded by its lock, as the one below
	byName    map[podName][]string
	starting  map[string]struct{} // keys of those that may have an address which is not known yet
	tell      []func(ips []netip.Addr)
}

// LocalPods watches nothing until it is run.
func (c *Client) LocalPods(node string) *LocalPods {
	s := &LocalPods{byAddress: map[netip.Addr][]string{}, byName: map[podName][]string{}, starting: map[string]struct{}{}}
	s.watch = newWatch(c, source{
		kind: pods, fields: "spec.nodeName=" + node, object: &corev1.Pod{}, list: func() runtime.Object { return &corev1.PodList{} },
	}, func(o runtime.Object) string { return string(o.(*corev1.Pod).UID) }, localPod, s.changed)
	s.watch.index = s.index
	return s
}

// Run watches until ctx ends, and then returns nil.
func (s *LocalPods) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all pods of the node have been seen, and stays so.
func (s *LocalPods) Synced() bool { return s.watch.hasSynced() }

// Heard is true while what is held was confirmed by the server within that time: as long as the watch stands, and so long
// after it was lost.
func (s *LocalPods) Heard(within time.Duration) bool { return s.watch.heard(within) }

// OnChange registers who is told that a pod is new, gone, or differs in what a LocalPod says, with the addresses that
// were or are the pod's: none while it has none, or when they are the node's. It belongs before Run, and what it
// registers must not block.
func (s *LocalPods) OnChange(tell func(ips []netip.Addr)) { s.tell = append(s.tell, tell) }

// At lists every pod that says an address is its own, also one that is finished or being deleted: an address can pass
// from one to the next before the first is gone. Pods in the node's network are never among them.
func (s *LocalPods) At(ip netip.Addr) []LocalPod {
	ip = ip.Unmap().WithZone("")
	return s.watch.under(func() []string { return s.byAddress[ip] })
}

// Named finds a pod by its name, in the node's network or not.
func (s *LocalPods) Named(namespace, name string) (LocalPod, bool) {
	list := s.watch.under(func() []string { return s.byName[podName{namespace, name}] })
	if len(list) == 0 {
		return LocalPod{}, false
	}
	return list[len(list)-1], true
}

// Starting is true while there is a pod that may run, in a network of its own, and whose address is not known yet.
func (s *LocalPods) Starting() bool {
	s.watch.mu.RLock()
	defer s.watch.mu.RUnlock()
	return len(s.starting) > 0
}

func (s *LocalPods) index(before, after *LocalPod) {
	if before != nil {
		delete(s.starting, before.UID)
		drop(s.byName, podName{before.Namespace, before.Name}, before.UID)
		for _, ip := range before.IPs {
			drop(s.byAddress, ip, before.UID)
		}
	}
	if after != nil {
		if len(after.IPs) == 0 && !after.HostNetwork && !after.Finished {
			s.starting[after.UID] = struct{}{}
		}
		add(s.byName, podName{after.Namespace, after.Name}, after.UID)
		for _, ip := range after.IPs {
			add(s.byAddress, ip, after.UID)
		}
	}
}

func (s *LocalPods) changed(before, after *LocalPod) {
	if before != nil && after != nil && reflect.DeepEqual(*before, *after) {
		return
	}
	var ips []netip.Addr
	for _, p := range []*LocalPod{before, after} {
		if p == nil {
			continue
		}
		for _, ip := range p.IPs {
			if !slices.Contains(ips, ip) {
				ips = append(ips, ip)
			}
		}
	}
	for _, tell := range s.tell {
		tell(ips)
	}
}

func localPod(object runtime.Object, _ *LocalPod) LocalPod {
	o := object.(*corev1.Pod)
	p := LocalPod{
		Namespace: o.Namespace, Name: o.Name, UID: string(o.UID), Labels: o.Labels, HostNetwork: o.Spec.HostNetwork,
		Finished: finished(o), Deleting: o.DeletionTimestamp != nil, Created: o.CreationTimestamp.UTC(),
	}
	for _, owner := range o.OwnerReferences {
		if owner.Kind == "ReplicaSet" && owner.Controller != nil && *owner.Controller {
			p.ReplicaSet = owner.Name
		}
	}
	if !p.HostNetwork {
		p.IPs = addresses(o)
	}
	return p
}

// addresses are those a pod has been given, each once. The list has the single one too, but for a moment and on servers
// that know no list.
func addresses(o *corev1.Pod) []netip.Addr {
	var list []netip.Addr
	add := func(text string) {
		ip, err := netip.ParseAddr(text)
		if ip = ip.Unmap(); err == nil && !slices.Contains(list, ip) { // what is no address is nobody's
			list = append(list, ip)
		}
	}
	for _, ip := range o.Status.PodIPs {
		add(ip.IP)
	}
	add(o.Status.PodIP)
	return list
}
