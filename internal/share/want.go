package share

import (
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Grant is a principal together with how long its proof lasts. Nothing is handed out for an expired one.
type Grant struct {
	Principal secret.Principal
	// Until is the first moment at which the proof no longer holds, e.g. a service account token's expiry. Zero means
	// that the proof has no end of its own: the node (managed identity), NMI's answer, or a credential presented with
	// the request. It is refused for the two modes that prove themselves by a service account token, so that
	// forgetting to set it cannot open the door.
	Until time.Time
}

// Want is one question: who asks, whom, what, and how old an answer may be.
type Want struct {
	Grant Grant
	// Vault is whose budget the question is charged to, and part of the answer's key: a vault's address, or for a
	// token its authority. Any string will do, as long as one counterpart always has the same.
	Vault string
	// Name is the question within the vault: "get secret/foo@", "versions secret/foo", "token https://vault.azure.net".
	Name string
	// NotBefore is the freshness asked for: only an answer whose request was sent at or after it will do. Take it from
	// the pool's own clock, so that it carries a monotonic reading. Zero, like any time that has not come yet, means
	// from now on. GetToken reads zero as any age.
	NotBefore time.Time
	// Immutable says that the answer can never change (a pinned version) and that this caller holds it already or may
	// take it at any age up to Config.Reauthorise: NotBefore is not looked at. Leave it unset on a first mount, where
	// a version that was disabled or forbidden before the pod came must not be found in it.
	Immutable bool
}

// Answer is a value and where it came from.
type Answer[T any] struct {
	Value T
	// AskedAt is the time just before the request was sent: what the value shows is at least as new as this.
	AskedAt time.Time
	// Shared is true when the caller's own request did not bring it.
	Shared bool
}

// Sized is what can be kept: it knows about how many bytes it holds. Values are shared between callers and must not
// be changed once returned from a fetch.
type Sized interface{ Size() int }

// Lifetime is what a token says of itself.
type Lifetime interface {
	Sized
	// Life is when the token should be refreshed and when it ends. A zero refreshOn means five minutes before the end.
	Life() (refreshOn, expiresOn time.Time)
}

// check answers whether anything may be handed out for g at this moment.
func (g Grant) check(now time.Time) error {
	switch {
	case g.Principal.Mode == "":
		return fault.New(fault.Internal, "share", "asked without a principal")
	case g.Until.IsZero() && needsToken(g.Principal.Mode):
		return fault.New(fault.Expired, g.Principal.String(), "the proof does not say until when it holds")
	case !g.Until.IsZero() && !now.Before(g.Until):
		return fault.New(fault.Expired, g.Principal.String(), "the proof ended at %s", g.Until.UTC().Format(time.RFC3339)).
			Mend("nothing to do if it passes with the next retry: the kubelet hands out a new service account token; otherwise compare the clocks of node and cluster")
	}
	return nil
}

func needsToken(m secret.Mode) bool {
	return m == secret.WorkloadIdentity || m == secret.IdentityBinding
}

// slot is a Want without its principal: what a principal's shelf is ordered by. Tokens and reads never meet, whatever
// they are called.
type slot struct {
	token bool
	vault string
	name  string
}
