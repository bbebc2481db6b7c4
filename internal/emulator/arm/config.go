package arm

import (
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm/identities"
	"strongroom/internal/emulator/arm/limits"
	"strongroom/internal/emulator/arm/vaults"
	"strongroom/internal/emulator/entra"
)

// Directory is who exists and whose a token is; *entra.Directory is one. Verify gives the claims also of a token that is
// only out of time.
type Directory interface {
	identities.Directory
	Verify(raw string) (entra.Claims, error)
	Tenants() []entra.Tenant
}

// Config shapes a Server. Directory, Audiences and Authority are required.
type Config struct {
	Directory Directory
	// Audiences is what a token for the manager at host may be for, without trailing slashes.
	Audiences func(host string) []string
	// Authority is the origin that a caller without a good token is sent to.
	Authority func(host string) string
	// Clock dates operations and judges tokens; nil is the machine's.
	Clock clock.Clock
	// Plane is the vaults themselves; nil plays none, and then none can be made.
	Plane vaults.Plane
	// Issuer is the token issuer of clusters that do not name one.
	Issuer string

	// UpdateTime is how long an update of a machine runs before it has an end; 0 ends it at once, before the first poll.
	UpdateTime time.Duration
	// Propagation is how much later than that the metadata endpoint of the machine follows; 0 is at once. In Azure it is
	// minutes at times, and a controller that does not wait for it is what this finds.
	Propagation time.Duration
	// RolePropagation is how long a role that a client assigned has no effect yet; 0 is at once.
	RolePropagation time.Duration
	// FederatedWrite is how long the write of a federated credential keeps its identity busy, so that another one is a
	// conflict; 0 is not at all.
	FederatedWrite time.Duration
	// Limits are how much a caller may ask of a subscription; the zero value sets none.
	Limits limits.Limits
}
