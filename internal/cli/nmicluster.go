package cli

import (
	"context"
	"net/netip"
	"time"

	"strongroom/internal/kube"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/secret"
)

// trusted is how long what was last heard of the cluster is still acted upon when the API server is silent. Without it
// every pod would lose its tokens with the API server; with no end to it, an address that was given to another pod
// meanwhile, or a binding that was taken away, would never be noticed.
const trusted = 5 * time.Minute

// localPods are the node's pods as NMI wants them.
type localPods struct{ *kube.LocalPods }

// Synced is false again once nothing was heard for too long.
func (l localPods) Synced() bool { return l.Heard(trusted) }

func (l localPods) At(ip netip.Addr) []nmi.Pod {
	found := l.LocalPods.At(ip)
	list := make([]nmi.Pod, len(found))
	for n := range found {
		list[n] = localPod(&found[n])
	}
	return list
}

func (l localPods) Named(namespace, name string) (nmi.Pod, bool) {
	p, known := l.LocalPods.Named(namespace, name)
	return localPod(&p), known
}

func localPod(p *kube.LocalPod) nmi.Pod {
	return nmi.Pod{
		Namespace: p.Namespace, Name: p.Name, UID: p.UID, Labels: p.Labels,
		HostNetwork: p.HostNetwork, Finished: p.Finished, Deleting: p.Deleting, Created: p.Created,
	}
}

// credentials are the Secrets of service principals.
type credentials struct{ *kube.Secrets }

// Data implements nmi.Secrets.
func (c credentials) Data(ctx context.Context, namespace, name string) (map[string]secret.Value, error) {
	found, err := c.Get(ctx, namespace, name)
	return found.Data, err
}

// knownAssigned are the assignments of the node's pods, as long as they can be trusted.
type knownAssigned struct{ *kube.AssignedIdentities }

func (k knownAssigned) Synced() bool { return k.Heard(trusted) }

// knownIdentities are the cluster's identities, bindings and exceptions, as long as they can be trusted.
type knownIdentities struct{ watchedIdentities }

// watchedIdentities is *kube.Identities by a name that hides none of its methods.
type watchedIdentities = interface {
	nmi.Bindings
	nmi.Exceptions
	Heard(within time.Duration) bool
}

func (k knownIdentities) Synced() bool { return k.Heard(trusted) }
