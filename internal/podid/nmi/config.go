package nmi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// Pod is one of this node's pods.
type Pod struct {
	Namespace, Name, UID            string
	Labels                          map[string]string
	HostNetwork, Finished, Deleting bool
	Created                         time.Time
}

func (p Pod) String() string { return p.Namespace + "/" + p.Name }

// Pods are this node's, as they are watched.
type Pods interface {
	// Synced is true once all have been seen.
	Synced() bool
	// OnChange is called by New; tell is to be called after every change, with the addresses that it is about.
	OnChange(tell func(ips []netip.Addr))
	// At lists the pods with an address. Named finds one by its name.
	At(ip netip.Addr) []Pod
	Named(namespace, name string) (Pod, bool)
	// Starting is true while there is a pod that has no address yet, as far as was seen, and may have one already.
	Starting() bool
}

// Assigned are the assignments of this node's pods, as they are watched.
type Assigned interface {
	Synced() bool
	// OnChange is called by New; tell is to be called after every change, with the pod that it is about.
	OnChange(tell func(namespace, pod string))
	Of(namespace, pod string) []aadpodidentity.AssignedIdentity
}

// Bindings are the cluster's bindings and identities, as they are watched.
type Bindings interface {
	Synced() bool
	// OnChange is called by New; tell is to be called after every change.
	OnChange(tell func())
	Identities() []aadpodidentity.Identity
	Bindings() []aadpodidentity.Binding
	// BindingGone and IdentityGone are true of one that was there, as this process has seen, and is no longer.
	BindingGone(namespace, name string) bool
	IdentityGone(namespace, name string) bool
}

// Exceptions are the cluster's, as they are watched.
type Exceptions interface {
	Synced() bool
	Exceptions() []aadpodidentity.Exception
}

// Secrets reads the Secret with a service principal's credential, anew each time. One that does not exist is a NotFound
// fault, one that may not be read a Denied one.
type Secrets interface {
	Data(ctx context.Context, namespace, name string) (map[string]secret.Value, error)
}

// Meter counts what is answered. It must not block.
type Meter interface {
	// Answered is told the operation (TokenOperation or HostOperation), the namespace of the pod it was for (empty when the pod
	// was not found), the resource that was asked for, as the caller spelled it, the status and how long it took.
	Answered(operation, namespace, resource string, status int, took time.Duration)
	// AskedIMDS and AskedEntra are told of every request for a token, SecretUnread of every Secret that could not be read.
	AskedIMDS(took time.Duration, err error)
	AskedEntra(took time.Duration, err error)
	SecretUnread()
}

// Config is what a Server needs. Pods, Tokens, Pool, Direct and one of Assigned and Bindings are required.
type Config struct {
	// Node is the node's name, for messages.
	Node string
	// Listen are the addresses served, each host:port. Empty is 127.0.0.1:2579, and [::1]:2579 where the node has it.
	Listen []string

	Pods Pods
	// Assigned makes this standard mode, where MIC assigns identities. Without it this is managed mode, where bindings
	// alone decide and identities are on the nodes by somebody else's hand; pods and identities of different namespaces
	// do not meet then, whatever ForceNamespaced says.
	Assigned Assigned
	// Bindings are required in managed mode. In standard mode they give nothing: with them, what was taken away is so at
	// once, and not when MIC has come to it, and a pod that no binding selects is refused at once and by name, where it
	// would otherwise wait in vain.
	Bindings Bindings
	// Exceptions are the pods that go past pod identity; nil is none.
	Exceptions Exceptions
	// ForceNamespaced keeps every identity to pods of its namespace. False keeps those with the annotation.
	ForceNamespaced bool
	// Secrets holds the credentials of service principals; nil refuses identities of these types.
	Secrets Secrets

	// Tokens asks IMDS and the token authority. Pool is where tokens are kept; it should let five requests at a time
	// through to IMDS, by the name of this package's constant.
	Tokens *token.Client
	Pool   *share.Pool
	// Direct is the client for requests that are passed on: one that follows no redirect, uses no proxy and bounds
	// answers. Metadata is where they go; empty is http://169.254.169.254.
	Direct   *http.Client
	Metadata string

	// AllowInstanceMetadata passes requests for instance metadata on. False answers them 403, which also keeps the node's
	// user data and tags from pods.
	AllowInstanceMetadata bool
	// WithoutHeader answers requests without the header "Metadata: true". It opens the door to requests that somebody
	// else's server was talked into.
	WithoutHeader bool
	// Refused are client ids and resource ids of identities that no pod gets a token of, such as the kubelet's.
	Refused []string
	// Authorities are token authorities that service principals may name beside Azure's own, each https://host. Whoever
	// may create an AzureIdentity could otherwise make tokens for any client id out of thin air.
	Authorities []string

	// Retry bounds how long an assignment is waited for.
	Retry Retry
	// EarlyRetryAfter answers 503 with Retry-After where the original answers 404, for clients that come back by
	// themselves. It is meant for short bounds.
	EarlyRetryAfter bool
	// Grace is how long after an assignment IMDS may not know the identity yet, so that its "not found" is not believed;
	// 0 is 90 s, negative none.
	Grace time.Duration
	// Settle is how old a pod must be for what is missing to be called missing: pods and what they need are often
	// created together. 0 is 5 s, negative none. A pod that is not known is waited for as long.
	Settle time.Duration
	// PerPod bounds the requests of one pod that are answered at a time, waiting ones among them; 0 is 64.
	PerPod int

	// Standing says whether pods' requests are led here; nil takes it for granted.
	Standing func() bool
	Meter    Meter
	Clock    clock.Clock // nil: the machine's
	Log      *slog.Logger
}

// Retry is how long to wait for an assignment, in the terms of the original's flags: a pod for which nothing is known is
// given up after Created intervals, one whose assignment is under way after Created and Assigned together. Nobody looks
// once per interval any more; only the products count. Zero fields are 16, 4 and 5 s.
type Retry struct {
	Created, Assigned int
	Interval          time.Duration
}

func (r Retry) unknown() time.Duration  { return time.Duration(r.Created) * r.Interval }
func (r Retry) underWay() time.Duration { return time.Duration(r.Created+r.Assigned) * r.Interval }

// The operations a Meter is told of: the paths that they are reached by.
const (
	TokenOperation = "/metadata/identity/oauth2/token"
	HostOperation  = "/host/token"
)

// IMDS is the name by which share knows the node's metadata service, for share.Config.PerVault.
const IMDS = "imds"

// Listening is where the original listens.
const Listening = "127.0.0.1:2579"

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Pods == nil, c.Tokens == nil, c.Pool == nil, c.Direct == nil:
		return c, fault.New(fault.Internal, "nmi", "is made without pods, tokens, a pool or a client")
	case c.Assigned == nil && c.Bindings == nil:
		return c, fault.New(fault.Internal, "nmi", "is made without assignments and without bindings")
	}
	if c.Assigned == nil {
		c.ForceNamespaced = true
	}
	if c.Metadata == "" {
		c.Metadata = "http://169.254.169.254"
	}
	c.Metadata = strings.TrimRight(c.Metadata, "/")
	c.Grace = orDuration(c.Grace, 90*time.Second)
	c.Settle = orDuration(c.Settle, 5*time.Second)
	c.Retry.Interval = orDuration(c.Retry.Interval, 5*time.Second)
	c.Retry.Created = orInt(c.Retry.Created, 16)
	c.Retry.Assigned = orInt(c.Retry.Assigned, 4)
	c.PerPod = orInt(c.PerPod, 64)
	if c.Standing == nil {
		c.Standing = func() bool { return true }
	}
	if c.Meter == nil {
		c.Meter = silent{}
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func orDuration(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return max(d, 0)
}

func orInt(n, standard int) int {
	if n <= 0 {
		return standard
	}
	return n
}

// silent is nobody's meter.
type silent struct{}

func (silent) Answered(string, string, string, int, time.Duration) {}
func (silent) AskedIMDS(time.Duration, error)                      {}
func (silent) AskedEntra(time.Duration, error)                     {}
func (silent) SecretUnread()                                       {}
