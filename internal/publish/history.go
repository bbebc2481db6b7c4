package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"strongroom/internal/secret"
)

// history is how one pod's volume fared so far.
type history struct {
	pod         secret.Pod
	firstSeen   time.Time
	askedAt     time.Time // when the served content was asked of the store; zero when nothing is known
	fingerprint string    // of the class and attributes the content was fetched for
	versions    []secret.Version
	failing     time.Time     // since when publishes fail; zero while they succeed
	interval    time.Duration // of its class, when that was last looked at
	beat        time.Time     // see Config.Beat
	followed    string        // the class's secretObjects as the follower last saw them
	retry       retry
	foreign     bool // what may stand at the target is another pod's
}

// meet begins a new history where there is none for this pod: what was fetched for one is not another's, and does not
// stand in for it when a fetch fails either.
func (h *history) meet(pod secret.Pod, firstSeen time.Time) {
	if h.pod != pod || h.firstSeen.IsZero() {
		foreign := h.foreign || h.pod != (secret.Pod{}) && h.pod != pod
		*h = history{pod: pod, firstSeen: firstSeen, foreign: foreign}
	}
}

// nothingStands forgets content that is not at the target any more.
func (h *history) nothingStands() {
	h.succeeded(time.Time{}, "", nil)
	h.retry = retry{}
}

func (h *history) succeeded(askedAt time.Time, fingerprint string, versions []secret.Version) {
	h.askedAt, h.fingerprint, h.versions = askedAt, fingerprint, versions
}

// note completes the record with what only the history knows, and keeps that history. That nothing was due is a success
// as well: a class that was missing for a while, or wrong, is back. That something is due and waits is none.
func (h *history) note(w *work, err error) {
	record := &w.record
	record.Err = err
	switch {
	case w.held:
	case err == nil:
		record.Recovered = !h.failing.IsZero()
		h.failing = time.Time{}
	case h.failing.IsZero():
		h.failing = record.At
	}
	h.retry.note(w, err)
	record.Failing = h.failing
	record.Versions = h.versions
	record.Age = max(0, record.At.Sub(h.servedSince()))
}

// servedSince is when the served content was asked for. Of what an earlier process left it is the moment this one met
// it: it is at least that old.
func (h *history) servedSince() time.Time {
	if h.askedAt.IsZero() {
		return h.firstSeen
	}
	return h.askedAt
}

// fingerprintOf tells one set of parameters from another. Pod information and tokens are not part of it: they change
// without the content changing.
func fingerprintOf(providerName string, attributes map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", providerName)
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		fmt.Fprintf(h, "%q=%q\n", key, attributes[key])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func joinCleanup(err, cleanup error) error {
	if cleanup == nil {
		return err
	}
	return errors.Join(err, cleanup)
}
