package entra

import (
	"time"

	"strongroom/internal/secret"
)

// Proof is how a client proved itself, in the digit the appidacr claim uses.
type Proof string

// The proofs a token can tell of. The zero Proof is ByAssertion: managed identities are certificates underneath.
const (
	Public      Proof = "0"
	BySecret    Proof = "1"
	ByAssertion Proof = "2"
)

// Grant is what else shapes a token. The zero value is right for a managed identity.
type Grant struct {
	Proof Proof
	// Continuous marks a client that understands claims challenges (capability cp1): its token lives longer and says so.
	Continuous bool
	// Lifetime overrides the directory's; 0 does not.
	Lifetime time.Duration
	// Fresh forbids handing out a token that was signed a moment ago for someone else: the answer to a claims challenge.
	Fresh bool
}

// Token is an access token as issued.
type Token struct {
	Value     secret.Value // the JWT
	Principal Principal
	Resource  string    // as requested; the aud claim
	NotBefore time.Time // whole seconds
	ExpiresOn time.Time // whole seconds
}
