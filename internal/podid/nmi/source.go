package nmi

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"strongroom/internal/bound"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// addressOf is the other end of the connection: no header is looked at. An IPv4 address inside an IPv6 one is taken out,
// and a zone is left away, since pods' addresses have none.
func addressOf(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	return bound.Plain(at.Addr()), true
}

// asker is whose requests are counted together: those from one address, or those of the node's programs for one pod.
type asker struct {
	from netip.Addr
	pod  string
}

// fromHost is true for the two loopback addresses of the node that clients there use, and for no other of 127.0.0.0/8.
func fromHost(a netip.Addr) bool {
	return a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a == netip.IPv6Loopback()
}

// claim is who has an address, as far as the watch has seen.
type claim uint8

const (
	unknown  claim = iota // nobody
	running               // one pod
	leaving               // one pod that is being deleted: its address may have been given to another already
	disputed              // several
	hostsOwn              // pods on the host's network
)

// claimant finds whom an address belongs to. Pods that have finished have no process left that could ask, so an address
// of theirs is somebody else's by now.
func claimant(pods []Pod) (Pod, claim) {
	if len(pods) == 1 && !pods[0].HostNetwork && !pods[0].Finished && !pods[0].Deleting {
		return pods[0], running
	}
	var live, going []Pod
	host := false
	for _, p := range pods {
		switch {
		case p.HostNetwork:
			host = true
		case p.Finished:
		case p.Deleting:
			going = append(going, p)
		default:
			live = append(live, p)
		}
	}
	switch {
	case host:
		return Pod{}, hostsOwn
	case len(live) == 1:
		return live[0], running
	case len(live) == 0 && len(going) == 1:
		return going[0], leaving
	case len(live)+len(going) > 1:
		return Pod{}, disputed
	}
	return Pod{}, unknown
}

// succession is how long an address of a pod that is being deleted is watched for a successor before it is believed: the
// kubelet tells the new pod's address about a second after giving it. While there is a pod whose address is not known yet,
// it is watched for as long as one that nobody has.
const succession = time.Second

// podAt is the pod with an address. One that nobody has, or that several have, is waited for a moment: the pod may be
// quicker than the watch.
func (s *Server) podAt(ctx context.Context, ip netip.Addr) (Pod, *refusal) {
	if fromHost(ip) {
		return Pod{}, hostAddress(ip)
	}
	if pod, who := claimant(s.Pods.At(ip)); who == running {
		return pod, nil
	}
	began := s.Clock.Now()
	for {
		rung, leave := s.bell.listen(addressKey(ip))
		pod, who := claimant(s.Pods.At(ip))
		patience := s.Settle
		switch who {
		case running:
			leave()
			return pod, nil
		case hostsOwn:
			leave()
			return Pod{}, hostAddress(ip)
		case leaving:
			if !s.Pods.Starting() {
				patience = min(succession, s.Settle)
			}
		}
		left := patience - s.Clock.Now().Sub(began)
		if left > 0 {
			s.wait(ctx, left, rung)
		}
		leave()
		if ctx.Err() != nil {
			return Pod{}, later(fault.Wrap(ctx.Err(), fault.Unavailable, ip.String(), "gave up waiting for the pod with this address"), time.Second)
		}
		if left > 0 {
			continue
		}
		if who == leaving {
			return pod, nil
		}
		return Pod{}, s.stranger(ip, who)
	}
}

func hostAddress(ip netip.Addr) *refusal {
	return refuse(http.StatusForbidden, fault.New(fault.Denied, ip.String(), "is the node's own address, and pods of its network cannot be told apart by it"))
}

func (s *Server) stranger(ip netip.Addr, who claim) *refusal {
	if who == disputed {
		if s.told.first("disputed "+ip.String(), s.Clock.Now()) {
			s.Log.Warn("several running pods have one address, so neither gets a token", logkey.Address, ip.String(), logkey.Node, s.Node)
		}
		return later(fault.New(fault.Unavailable, ip.String(), "several running pods of this node have this address"), time.Second)
	}
	return refuse(http.StatusForbidden, fault.New(fault.Denied, ip.String(), "failed to match pod IP: no running pod of node %s has this address", s.Node).
		Mend("kubectl get pods --all-namespaces -o wide --field-selector spec.nodeName=%s", s.Node))
}

// unheard is how often a pod is looked for by name: while its volumes are being mounted it has no address yet by which
// news of it could be told.
const unheard = 100 * time.Millisecond

// podNamed is the pod that the node's own programs ask for, by name.
func (s *Server) podNamed(ctx context.Context, namespace, name string) (Pod, *refusal) {
	if pod, found := s.Pods.Named(namespace, name); found && !pod.Finished {
		return pod, nil
	}
	began := s.Clock.Now()
	for {
		rung, leave := s.bell.listen(podKey(namespace, name))
		pod, found := s.Pods.Named(namespace, name)
		left := s.Settle - s.Clock.Now().Sub(began)
		if !found && left > 0 {
			s.wait(ctx, min(left, unheard), rung)
		}
		leave()
		switch {
		case found && !pod.Finished:
			return pod, nil
		case found:
			return Pod{}, refuse(http.StatusNotFound, fault.New(fault.NotFound, pod.String(), "the pod has ended"))
		case ctx.Err() != nil:
			return Pod{}, later(fault.Wrap(ctx.Err(), fault.Unavailable, namespace+"/"+name, "gave up waiting for the pod"), time.Second)
		case left <= 0:
			return Pod{}, refuse(http.StatusNotFound, fault.New(fault.NotFound, namespace+"/"+name, "there is no such pod on node %s", s.Node))
		}
	}
}

// wait returns when something was rung, d is over or ctx ended.
func (s *Server) wait(ctx context.Context, d time.Duration, rung <-chan struct{}) {
	over, stop := s.Clock.After(d)
	defer stop()
	select {
	case <-rung:
	case <-over:
	case <-ctx.Done():
	}
}

// settled waits a moment for the watches to have seen everything, and is a refusal when they have not.
func (s *Server) settled(ctx context.Context) *refusal {
	const look = 50 * time.Millisecond
	for waited := time.Duration(0); !s.synced(); waited += look {
		if waited >= s.Settle || !clock.Sleep(ctx, s.Clock, look) {
			return later(fault.New(fault.Unavailable, "nmi", "has not seen all of the cluster's objects yet"), 2*time.Second)
		}
	}
	return nil
}

func (s *Server) synced() bool {
	return s.Pods.Synced() && (s.Assigned == nil || s.Assigned.Synced()) &&
		(s.Bindings == nil || s.Bindings.Synced()) && (s.Exceptions == nil || s.Exceptions.Synced())
}

func addressKey(ip netip.Addr) string      { return "at " + ip.String() }
func podKey(namespace, name string) string { return namespace + "/" + name }
