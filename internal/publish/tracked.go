package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// tracked is what is remembered of one target between publishes.
type tracked struct {
	target  string
	busy    bool      // guarded by Publisher.mu, as is touched
	touched time.Time // when it was last released
	gone    bool      // to be forgotten at its release; of whoever claimed it, as is history
	history
}

// history is how one pod's volume fared so far.
type history struct {
	pod         secret.Pod
	firstSeen   time.Time
	askedAt     time.Time // when the served content was asked of the store; zero when nothing is known
	fingerprint string    // of the class and attributes the content was fetched for
	versions    []secret.Version
	failing     time.Time // since when publishes fail; zero while they succeed
}

// Stage is a step of a publish, in order.
type Stage string

// The stages. A failed publish failed in its Record's stage.
const (
	LookingAtIt   Stage = "inspect" // at the target, before anything else
	FindingClass  Stage = "class"
	MakingTarget  Stage = "target"
	Fetching      Stage = "fetch"
	WritingFiles  Stage = "write"
	NothingFailed Stage = "done"
)

// Record is one publish, told to the Recorder. It holds no values.
type Record struct {
	Volume    string
	Target    string
	Pod       secret.Pod
	ClassName string
	Provider  string // empty when the class was not found
	At        time.Time
	Took      time.Duration

	Stage     Stage // how far it got
	First     bool  // nothing complete was mounted before
	Skipped   bool  // nothing was due
	Report    provider.Report
	Change    volume.Change
	Backing   string        // what stands under the target, as volume.State says; empty when that is not known
	Err       error         // what failed, also when the kubelet was answered with success
	Failing   time.Time     // since when, zero when it works
	Recovered bool          // it failed before and works again
	Age       time.Duration // of what is served now, at least that when it was not fetched since the start; meaningless when First and Err
}

func (p *Publisher) claim(target string) (*tracked, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, known := p.volumes[target]
	if !known {
		t = &tracked{target: target}
		p.volumes[target] = t
	}
	if t.busy {
		return nil, fault.New(fault.Busy, target, "another operation on this volume is in work")
	}
	t.busy = true
	return t, nil
}

func (p *Publisher) release(t *tracked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.busy = false
	t.touched = p.Clock.Now()
	if t.gone {
		delete(p.volumes, t.target)
	}
}

// due says whether content must be fetched for a volume whose files are complete: always for another class or for
// content of unknown age, otherwise when the content has reached the interval's age.
func (h *history) due(now time.Time, interval time.Duration, fingerprint string) bool {
	return h.askedAt.IsZero() || h.fingerprint != fingerprint || now.Sub(h.askedAt) >= interval
}

// meet begins a new history where there is none for this pod: what was fetched for one is not another's.
func (h *history) meet(pod secret.Pod, firstSeen time.Time) {
	if h.pod != pod || h.firstSeen.IsZero() {
		*h = history{pod: pod, firstSeen: firstSeen}
	}
}

// nothingStands forgets content that is not at the target any more.
func (h *history) nothingStands() { h.succeeded(time.Time{}, "", nil) }

func (h *history) succeeded(askedAt time.Time, fingerprint string, versions []secret.Version) {
	h.askedAt, h.fingerprint, h.versions = askedAt, fingerprint, versions
}

// note completes the record with what only the history knows, and keeps that history. That nothing was due is a success
// as well: a class that was missing for a while, or wrong, is back.
func (h *history) note(record *Record, err error) {
	record.Err = err
	switch {
	case err == nil:
		record.Recovered = !h.failing.IsZero()
		h.failing = time.Time{}
	case h.failing.IsZero():
		h.failing = record.At
	}
	record.Failing = h.failing
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
