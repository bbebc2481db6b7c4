// Package publish is the one path of a volume: find its class, decide whether anything is due, fetch, write, record.
// CSI, the FlexVolume and the command line all enter here, so that no secret reaches a file by another way.
//
// Its stance when the world fails: a first mount either has complete content or is an error and leaves nothing behind.
// A republish that fails leaves the files as they are, answers the kubelet with success (an error there makes some
// kubelets back off for minutes and so starve token refresh, and older ones clean the mount up) and makes the failure
// visible through the Recorder instead: what failed, since when, and how old the served content is.
package publish

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
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

// Config is what a Publisher needs. Classes, Providers, Volumes and Clock are required.
type Config struct {
	Classes   Classes
	Providers Providers
	Volumes   Volumes
	Clock     clock.Clock
	Sightings Sightings // nil: see Sightings
	Recorder  Recorder  // nil: nobody is told; only for tests

	// Interval is how old served content may grow before a republish fetches again, and the greatest age at which an
	// answer fetched for another volume may be used for this one. Zero means that every republish fetches.
	Interval time.Duration
	// ForbidOverride refuses volumeAttributes that replace a parameter of the class or add one to it. False is what
	// existing manifests may rely on: the pod's attribute wins.
	ForbidOverride bool
}

// defaultMode is the permission of files whose object names none; it is the driver's to say in the protocol.
const defaultMode fs.FileMode = 0o644

// Publisher publishes volumes. Volumes are independent; a second operation on one that is in work is Busy.
type Publisher struct {
	Config

	mu      sync.Mutex
	volumes map[string]*tracked // by target
	looked  time.Time           // when idle volumes were last looked for
}

// New makes a Publisher with no volumes. Volumes published by an earlier process are found on disk and fetched again
// at their next republish, their files left in place until then.
func New(c Config) *Publisher {
	return &Publisher{Config: c, volumes: map[string]*tracked{}}
}

// Publish makes the volume's files appear, or brings them up to date when that is due.
func (p *Publisher) Publish(ctx context.Context, v Volume) error {
	now := p.Clock.Now()
	p.forgetLost(now)
	t, err := p.claim(v.Target)
	if err != nil {
		return err
	}
	defer p.release(t)
	t.meet(v.Pod, p.firstSeen(v.Pod, now))
	record := Record{Volume: v.ID, Target: v.Target, Pod: v.Pod, ClassName: v.Class, At: now, Stage: LookingAtIt}
	err = p.publish(ctx, v, &t.history, &record)
	t.note(&record, err)
	record.Took = p.Clock.Now().Sub(now)
	if p.Recorder != nil {
		p.Recorder.Published(record)
	}
	if !record.First && err != nil {
		return nil // the files stand; see the package's stance
	}
	return err
}

func (p *Publisher) publish(ctx context.Context, v Volume, h *history, record *Record) error {
	state, err := p.Volumes.Inspect(v.Target)
	// What is not known to stand must not be reported as standing.
	record.First = err != nil || !state.Mounted || !state.Complete
	if record.First {
		h.nothingStands()
	}
	if err != nil {
		return err
	}
	record.Stage = FindingClass
	class, err := p.class(ctx, v)
	if err != nil {
		return err
	}
	record.Provider = class.Spec.Provider
	attributes, err := p.attributes(class, v)
	if err != nil {
		return err
	}
	fingerprint := fingerprintOf(class.Spec.Provider, attributes)
	if !record.First && !h.due(record.At, p.Interval, fingerprint) {
		record.Skipped, record.Stage = true, NothingFailed
		return nil
	}
	return p.fetchAndWrite(ctx, v, h, record, attributes, fingerprint)
}

// fetchAndWrite undoes a mount it made when there is nothing to put into it: success without content must not be
// possible, and neither must a mount without success.
func (p *Publisher) fetchAndWrite(ctx context.Context, v Volume, h *history, record *Record, attributes map[string]string, fingerprint string) (err error) {
	defer func() {
		if err != nil && record.First {
			err = joinCleanup(err, p.Volumes.Remove(v.Target))
		}
	}()
	record.Stage = MakingTarget
	state, err := p.Volumes.Ensure(v.Target)
	if err != nil {
		return err
	}
	record.Backing = state.Backing
	record.Stage = Fetching
	fetcher, err := p.Providers.Provider(record.Provider)
	if err != nil {
		return err
	}
	asked := p.Clock.Now()
	response, err := fetcher.Mount(ctx, provider.Request{
		Attributes: withPodInfo(attributes, v),
		Secrets:    v.Secrets,
		Target:     v.Target,
		Mode:       defaultMode,
		Current:    h.versions,
		Freshness:  p.freshness(asked, h, record.First),
	})
	record.Report = response.Report
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "", "failed to mount secrets store objects for pod %s, err", v.Pod)
	}
	record.Stage = WritingFiles
	if err := p.write(v, response, record); err != nil {
		return err
	}
	record.Stage = NothingFailed
	h.succeeded(asked.Add(-response.Report.Age), fingerprint, response.Versions)
	return nil
}

func (p *Publisher) write(v Volume, response provider.Response, record *Record) error {
	if response.Files == nil {
		return p.selfWritten(v.Target) // a provider of the older kind writes into the target itself
	}
	change, err := p.Volumes.Write(v.Target, readableBy(v.Group, response.Files), v.Group)
	record.Change = change
	return err
}

func (p *Publisher) selfWritten(target string) error {
	names, err := p.Volumes.Names(target)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fault.New(fault.Unavailable, target, "the provider reported success but gave no files and wrote none")
	}
	return nil
}

// freshness is causal: whoever changes a secret and then starts a pod must find the change in it. So a first mount
// may share only what was asked for after the pod was first seen, and never anything older than the interval.
func (p *Publisher) freshness(now time.Time, h *history, first bool) provider.Freshness {
	notBefore := now.Add(-p.Interval)
	if first && h.firstSeen.After(notBefore) {
		notBefore = h.firstSeen
	}
	return provider.Freshness{NotBefore: notBefore}
}

func (p *Publisher) firstSeen(pod secret.Pod, now time.Time) time.Time {
	if p.Sightings != nil {
		if seen, ok := p.Sightings.FirstSeen(pod); ok && seen.Before(now) {
			return seen
		}
	}
	return now
}

// Unpublish removes the volume's files and its mount. Doing it twice, or for a volume that never was, succeeds.
func (p *Publisher) Unpublish(_ context.Context, _, target string) error {
	err := p.unpublish(target)
	if p.Recorder != nil {
		p.Recorder.Unpublished(target, err)
	}
	return err
}

func (p *Publisher) unpublish(target string) error {
	t, err := p.claim(target)
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
