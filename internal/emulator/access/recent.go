package access

import (
	"crypto/sha256"
	"sync"

	"strongroom/internal/emulator/entra"
)

// maxRecent bounds the tokens remembered; beyond it all are forgotten.
const maxRecent = 1024

// recent remembers what tokens say, because checking a signature costs more than the rest of a request and clients send
// the same token for an hour. It keeps a digest, not the token, and nothing about time: that is judged anew each time.
// A directory takes no token back, so a token that was once one of its own stays so.
type recent struct {
	verifier Verifier

	mu     sync.RWMutex
	claims map[[sha256.Size]byte]entra.Claims
}

// Verify is the verifier's, asked once per token as long as it is remembered. Failures are not.
func (r *recent) Verify(raw string) (entra.Claims, error) {
	digest := sha256.Sum256([]byte(raw))
	r.mu.RLock()
	claims, known := r.claims[digest]
	r.mu.RUnlock()
	if known {
		return claims, nil
	}
	claims, err := r.verifier.Verify(raw)
	if err != nil {
		return claims, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.claims) >= maxRecent {
		clear(r.claims)
	}
	r.claims[digest] = claims
	return claims, nil
}
