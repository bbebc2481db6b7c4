package publish

import (
	"context"
	"slices"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/volume"
)

// work is one publish under way.
type work struct {
	Volume
	history *history
	record  Record
	refresh time.Time // somebody asked for what was asked of the store since then; zero: nobody did
	renewed bool      // the kubelet brought another proof than the one that failed

	class       secretsstore.Class
	attributes  map[string]string // for the provider
	fingerprint string            // of what decides the content
	interval    time.Duration

	held     bool // something is due, and waits for the next try
	answered bool // the provider gave what it was asked for, as fresh as it was asked for
}

// publish is the path of one volume. What is wrong before a provider is asked costs nobody a request, and is looked at
// again every time.
func (p *Publisher) publish(ctx context.Context, w *work) error {
	state, err := p.inspect(w)
	// What is not known to stand must not be reported as standing.
	w.record.First = err != nil || !state.Mounted || !state.Complete
	if w.record.First {
		w.history.nothingStands()
	}
	if err != nil {
		return err
	}
	if w.record.First && w.record.Timed {
		return errGone
	}
	w.record.Stage = FindingClass
	if err := p.prepare(ctx, w); err != nil {
		return err
	}
	switch fetch, held := w.history.due(w); {
	case fetch:
		return p.fetchAndWrite(ctx, w)
	default:
		w.held = held
		w.record.Skipped, w.record.Stage = true, NothingFailed
		return nil
	}
}

// inspect looks at the target, and takes away first what was another pod's: a kubelet gives no target to two pods, but if
// one did, the second must not find the first one's files.
func (p *Publisher) inspect(w *work) (volume.State, error) {
	if w.history.foreign {
		if err := p.Volumes.Remove(w.Target); err != nil {
			return volume.State{}, err
		}
		w.history.foreign = false
	}
	return p.Volumes.Inspect(w.Target)
}

// errGone ends the timer's work: what is not there any more is the kubelet's to mount.
var errGone = fault.New(fault.NotFound, "", "nothing is mounted there any more")

// prepare finds out what the volume's class and its author ask for.
func (p *Publisher) prepare(ctx context.Context, w *work) (err error) {
	if w.class, err = p.class(ctx, w.Volume); err != nil {
		return err
	}
	w.record.Provider = w.class.Spec.Provider
	attributes, err := p.attributes(w.class, w.Volume)
	if err != nil {
		return err
	}
	if w.interval, err = p.takeInterval(attributes); err != nil {
		return err
	}
	w.history.interval, w.history.beat = w.interval, p.Beat
	w.attributes, w.fingerprint = attributes, fingerprintOf(w.class.Spec.Provider, attributes)
	return nil
}

// fetchAndWrite undoes a mount it made when there is nothing to put into it: success without content must not be
// possible, and neither must a mount without success.
func (p *Publisher) fetchAndWrite(ctx context.Context, w *work) (err error) {
	defer func() {
		if err != nil && w.record.First {
			err = joinCleanup(err, p.Volumes.Remove(w.Target))
		}
	}()
	w.record.Stage = MakingTarget
	state, err := p.Volumes.Ensure(w.Target)
	if err != nil {
		return err
	}
	w.record.Backing = state.Backing
	w.record.Stage = Fetching
	fetcher, err := p.Providers.Provider(w.record.Provider)
	if err != nil {
		return err
	}
	asked := p.Clock.Now()
	notBefore := w.history.notBefore(w, asked)
	response, err := fetcher.Mount(ctx, provider.Request{
		Attributes: withPodInfo(w.attributes, w.Volume),
		Secrets:    w.Secrets,
		Target:     w.Target,
		Mode:       defaultMode,
		Current:    w.history.versions,
		Freshness:  provider.Freshness{NotBefore: notBefore},
	})
	w.record.Report = response.Report
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "", "failed to mount secrets store objects for pod %s, err", w.Pod)
	}
	w.record.Stage = WritingFiles
	if err := p.write(w, response); err != nil {
		return err
	}
	w.record.Stage = NothingFailed
	w.record.VersionsChanged = !slices.Equal(w.history.versions, response.Versions)
	w.history.succeeded(asked.Add(-response.Report.Age), w.fingerprint, response.Versions)
	w.answered = asAsked(response.Report, asked.Sub(notBefore), max(lead(w.interval), time.Second))
	return nil
}

// asAsked says whether an answer is as fresh as was asked for. A store that cannot be asked is papered over with the
// last known good, which then is a success that must be tried again soon. A report may lack the objects that say so,
// since it is cut down on its way when it is long. The report counts ages from when the provider began, which is a little
// later than allowed was counted.
func asAsked(report provider.Report, allowed, later time.Duration) bool {
	stale := slices.ContainsFunc(report.Objects, func(o provider.Outcome) bool { return o.State == provider.Stale })
	return !stale && report.Age-later <= allowed
}

func (p *Publisher) write(w *work, response provider.Response) error {
	if response.Files == nil {
		return p.selfWritten(w.Target) // a provider of the older kind writes into the target itself
	}
	change, err := p.Volumes.Write(w.Target, readableBy(w.Group, response.Files), w.Group)
	w.record.Change = change
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

// stands answers the kubelet while the timer is at work: with success when there is complete content, which is all a
// republish asks for.
func (p *Publisher) stands(target string) error {
	state, err := p.Volumes.Inspect(target)
	if err == nil && !(state.Mounted && state.Complete) {
		err = errBusy(target)
	}
	return err
}

// begin is a publish of v that starts now.
func (t *tracked) begin(v Volume, now time.Time) *work {
	return &work{Volume: v, history: &t.history, refresh: t.wish, record: Record{
		Volume: v.ID, Target: v.Target, Pod: v.Pod, ClassName: v.Class, At: now, Stage: LookingAtIt,
	}}
}
