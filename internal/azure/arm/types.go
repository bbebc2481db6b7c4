package arm

import (
	"context"
	"net/http"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

// MaxChange is how many identities one update may add and remove together. The original sends no more either.
const MaxChange = 150

// Config holds what every request needs.
type Config struct {
	// HTTP sends the requests. Required: a client of package transport, which bounds answers and follows no redirect.
	HTTP *http.Client
	// Endpoint is the control plane's address, e.g. https://management.azure.com. Only https is spoken, and no token ever
	// goes to another host.
	Endpoint string
	// Token gives the bearer token of a request. Required. It is asked each time, so it should keep what it has.
	Token func(context.Context) (secret.Value, error)
	// Refused is told of a token that Azure would not take (401), so that the next one is a new one. nil tells nobody.
	Refused func(secret.Value)
	// Clock is what a Retry-After date is compared with; nil is the machine's.
	Clock clock.Clock
	// Version is the program's own, for the user agent "strongroom/<version>"; empty is "strongroom".
	Version string
	// UserAgentSuffix follows it, for operators who look for their clusters in Azure's logs; empty is none.
	UserAgentSuffix string
}

// Held is which identities a machine has. The zero value is none.
type Held struct {
	// Type is Azure's word for it: None, SystemAssigned, UserAssigned, or both of the latter with a comma.
	Type string
	// Identities are the user-assigned ones by resource id in lower case.
	Identities map[string]HeldIdentity
	// PrincipalID and TenantID are those of the system-assigned identity; empty without one.
	PrincipalID, TenantID string
	// ProvisioningState is how the machine's last operation went or goes: Succeeded, Updating, Failed, Deleting.
	ProvisioningState string
	// ETag is the state's version, where Azure tells one. An update that could take away more than it names is made
	// to depend on it.
	ETag string
}

// HeldIdentity is a user-assigned identity on a machine. Both ids are empty when the identity has been deleted, or deleted
// and made anew, since it was put there: no token can be had of it until it is removed and added again.
type HeldIdentity struct{ ClientID, PrincipalID string }

// Change is what an update is to do, by resource ids. Case does not matter; of an id in both lists Add counts.
type Change struct{ Add, Remove []string }

// Operation is an update under way. It can be stored and asked about by another process; only URL matters then.
type Operation struct {
	// URL is where it is asked about; empty when the update was finished at once or there was nothing to do.
	URL string `json:"url,omitempty"`
	// Done is true when it has ended.
	Done bool `json:"done,omitempty"`
	// RetryAfter is how long Azure asks to wait before the next poll; 0 when it does not say.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

// BadIdentities says that a request failed because of certain identities: without them it may succeed. It wraps the fault
// that tells why.
type BadIdentities struct {
	// IDs are their resource ids in lower case, each once, in the order Azure named them.
	IDs []string
	// Cause is the fault, with the remedy.
	Cause error
}

func (b *BadIdentities) Error() string { return b.Cause.Error() }
func (b *BadIdentities) Unwrap() error { return b.Cause }
