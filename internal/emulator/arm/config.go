package arm

import (
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
)

// Directory is who exists and whose a token is; *entra.Directory is one. Verify gives the claims also of a token that is
// only out of time.
type Directory interface {
	Verify(raw string) (entra.Claims, error)
	Find(ref string) (entra.Principal, bool)
	AddIdentity(entra.Identity) (entra.Identity, error)
	Remove(ref string) bool
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
	// UpdateTime is how long an update runs before it has an end; 0 ends it at once, before the first poll.
	UpdateTime time.Duration
	// Propagation is how much later than that the metadata endpoint of the machine follows; 0 is at once. In Azure it is
	// minutes at times, and a controller that does not wait for it is what this finds.
	Propagation time.Duration
}
