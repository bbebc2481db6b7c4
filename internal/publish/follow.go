package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/secret"
)

// Follower is told of content that stands complete: after every fetch, whether or not anything changed, and when the
// class's secretObjects have changed since it was last told. The kubelet is answered after it has returned, so that
// what it makes of the content is there when the pod starts. It must honour ctx, which ends after a few seconds, and
// tell of its own failures itself.
type Follower interface {
	Mounted(ctx context.Context, m Mounted)
}

// Mounted is content that stands at a volume's target.
type Mounted struct {
	Volume  Volume // without its tokens and secrets, which are no follower's business
	Class   secretsstore.Class
	Asked   time.Time // when the content was asked of the store
	Changed bool      // this publish changed it
	First   bool      // nothing complete was mounted before

	// Files reads what stands at the target, not what was fetched: a provider may have written it itself. It may be kept
	// for later, and is NotFound once the volume is gone.
	Files func() ([]secret.File, error)
}

// followTime is how long a follower may keep a kubelet waiting.
const followTime = 5 * time.Second

// follow tells the follower where there is something to tell.
func (p *Publisher) follow(ctx context.Context, w *work) {
	if p.Follower == nil {
		return
	}
	objects := objectsOf(w.class)
	if w.record.Skipped && w.history.followed == objects {
		return
	}
	w.history.followed = objects
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	v := w.Volume
	v.Tokens, v.Secrets = secret.Value{}, nil
	p.Follower.Mounted(ctx, Mounted{
		Volume: v, Class: w.class, Asked: w.history.askedAt,
		Changed: w.record.Change.Changed || w.record.VersionsChanged, First: w.record.First,
		Files: func() ([]secret.File, error) { return p.Volumes.Read(v.Target) },
	})
}

// objectsOf tells one list of secretObjects from another. The class's identity belongs to it: one that was deleted and
// made anew is another.
func objectsOf(class secretsstore.Class) string {
	text, err := json.Marshal(struct {
		UID     string
		Objects []secretsstore.SecretObject
	}{class.Metadata.UID, class.Spec.SecretObjects})
	if err != nil {
		return "" // strings only: it cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
