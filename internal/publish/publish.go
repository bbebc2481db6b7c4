// Package publish is the one path of a volume: find its class, decide whether anything is due, fetch, write, record.
// CSI, the FlexVolume and the command line all enter here, so that no secret reaches a file by another way.
//
// Its stance when the world fails: a first mount either has complete content or is an error and leaves nothing behind.
// A republish that fails leaves the files as they are, answers the kubelet with success (an error there makes some
// kubelets back off for minutes and so starve token refresh, and older ones clean the mount up) and makes the failure
// visible through the Recorder instead: what failed, since when, and how old the served content is.
//
// Run adds time: it remembers of each mounted volume what the kubelet last handed over, and publishes it again at the
// moment its content reaches the interval's age, whenever the kubelet comes by. A first mount that failed is not
// remembered: its kubelet tries again by itself.
package publish

import (
	"context"
	"io/fs"
	"math"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// Classes finds a SecretProviderClass. A missing one is a NotFound fault.
type Classes interface {
	Class(ctx context.Context, namespace, name string) (secretsstore.Class, error)
}

// Providers finds who fetches for a class, by the class's provider name.
type Providers interface {
	Provider(name string) (provider.Provider, error)
}

// Volumes is what may be done to a target directory, and what it shows.
type Volumes interface {
	Ensure(target string) (volume.State, error)
	Write(target string, files []secret.File, group *int) (volume.Change, error)
	Remove(target string) error
	Shown
}

// Shown is what stands at a target.
type Shown interface {
	Inspect(target string) (volume.State, error)
	Names(target string) ([]string, error)
	Read(target string) ([]secret.File, error)
}

// Sightings tells when this node first saw a pod, before its first publish. A nil Sightings means that the publish
// itself is the first sight.
type Sightings interface {
	FirstSeen(pod secret.Pod) (time.Time, bool)
}

// Recorder is told of what happens to volumes, for events, metrics and logs. It must not block.
type Recorder interface {
	Published(Record)
	Unpublished(target string, err error)
	// Forgotten is told of a target that is gone though nobody unpublished it.
	Forgotten(target string)
}

// Never is an Interval that no content reaches: it is fetched once, and again when its class changes or somebody asks
// for it. No class can bring the timer back then.
const Never time.Duration = math.MaxInt64

// Config is what a Publisher needs. Classes, Providers, Volumes and Clock are required.
type Config struct {
	Classes   Classes
	Providers Providers
	Volumes   Volumes
	Clock     clock.Clock
	Sightings Sightings // nil: see Sightings
	Recorder  Recorder  // nil: nobody is told; only for tests
	Follower  Follower  // nil: nobody follows

	// Interval is how old served content may grow before it is fetched again, and the greatest age at which an answer
	// fetched for another volume may be used for this one; a class may say otherwise, see secretsstore.RotationOf. Zero means that
	// every republish fetches, and no timer does.
	Interval time.Duration
	// Beat is a moment that rotations come to keep to: each is drawn towards Beat and a whole number of intervals, by a
	// quarter of what it is later. Nodes whose content was fetched at one moment, because all of them restarted or an
	// outage has ended, would otherwise ask at one moment for ever; so each is to have a Beat of its own, in the past and
	// left to chance. The zero Beat draws nowhere: content is fetched when it is an interval old.
	Beat time.Time
	// ForbidOverride refuses volumeAttributes that replace a parameter of the class or add one to it. False is what
	// existing manifests may rely on: the pod's attribute wins.
	ForbidOverride bool
}

// defaultMode is the permission of files whose object names none; it is the driver's to say in the protocol.
const defaultMode fs.FileMode = 0o644

// Publisher publishes volumes. Volumes are independent; a second operation on one that is in work is Busy, except that
// the timer gives way to the kubelet.
type Publisher struct {
	Config

	wake chan struct{} // told, without waiting, whenever something may have become due

	mu      sync.Mutex
	volumes map[string]*tracked // by target
	looked  time.Time           // when idle volumes were last looked for
}

// New makes a Publisher with no volumes. Volumes published by an earlier process are found on disk and fetched again
// at their next republish, their files left in place until then.
func New(c Config) *Publisher {
	return &Publisher{Config: c, volumes: map[string]*tracked{}, wake: make(chan struct{}, 1)}
}

// Publish makes the volume's files appear, or brings them up to date when that is due. While the timer is at work on
// the same volume it hands over what the kubelet brought, and answers for what stands.
func (p *Publisher) Publish(ctx context.Context, v Volume) error {
	now := p.Clock.Now()
	p.forgetLost(now)
	t, handed, err := p.claimFor(v)
	switch {
	case err != nil:
		return err
	case handed:
		return p.stands(v.Target)
	}
	defer p.release(t)
	t.meet(v.Pod, p.firstSeen(v.Pod, now))
	w := t.begin(v, now)
	w.renewed = t.renewedBy(v)
	err = p.publish(ctx, w)
	p.tell(ctx, w, err)
	p.remember(t, w, err)
	if !w.record.First && err != nil {
		return nil // the files stand; see the package's stance
	}
	return err
}

func (p *Publisher) firstSeen(pod secret.Pod, now time.Time) time.Time {
	if p.Sightings != nil {
		if seen, ok := p.Sightings.FirstSeen(pod); ok && seen.Before(now) {
			return seen
		}
	}
	return now
}

// tell is for everybody who wants to know of a publish, once its outcome is certain.
func (p *Publisher) tell(ctx context.Context, w *work, err error) {
	w.history.note(w, err)
	w.record.Took = p.Clock.Now().Sub(w.record.At)
	if p.Recorder != nil {
		p.Recorder.Published(w.record)
	}
	if err == nil {
		p.follow(ctx, w)
	}
}

// Unpublish removes the volume's files and its mount, and what was remembered of it. Doing it twice, or for a volume
// that never was, succeeds. A timer's work on the volume is broken off.
func (p *Publisher) Unpublish(ctx context.Context, _, target string) error {
	err := p.unpublish(ctx, target)
	if p.Recorder != nil {
		p.Recorder.Unpublished(target, err)
	}
	return err
}

func (p *Publisher) unpublish(ctx context.Context, target string) error {
	t, err := p.claimFromTimer(ctx, target)
	if err != nil {
		return err
	}
	defer p.release(t)
	if err := p.Volumes.Remove(target); err != nil {
		return err
	}
	t.gone = true
	return nil
}
