// Package flexvolume is the door for the kubelet's FlexVolume driver azure/kv: a program that is executed once for every
// operation and answers in JSON. It reads the options of the original driver, makes a SecretProviderClass of them in
// memory, and goes the one path of a volume, so that nothing but the spelling differs from a CSI volume: the same checks,
// the same sharing, the same files in one atomic step.
//
// A mount is all or nothing: it ends with complete content, or leaves neither mount nor directory. A mounted volume is
// mounted again without a fetch. What cannot be told to the kubelet goes to a log; no value goes to either.
package flexvolume

import (
	"context"
	"errors"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
)

// Config is what a Driver needs. All fields but Recorder are required.
type Config struct {
	Volumes publish.Volumes
	Clock   clock.Clock
	// Providers gives who fetches; it is asked at a mount that has something to fetch, and not before.
	Providers func(Spec) (provider.Provider, error)
	// Recorder is told of every mount that was tried and every unmount. Nil tells nobody.
	Recorder publish.Recorder
}

// Driver does what the kubelet asks of the program. It keeps nothing between calls.
type Driver struct{ Config }

// New makes a Driver.
func New(c Config) *Driver { return &Driver{c} }

// interval is how old an answer may be that was fetched for another pod, as the CSI driver has it by default. A volume
// of this driver is never fetched again, so that it decides about nothing else.
const interval = 2 * time.Minute

// Mount makes the volume's files appear at target. options is the kubelet's JSON.
func (d *Driver) Mount(ctx context.Context, target string, options []byte) error {
	state, err := d.stands(target)
	switch {
	case err != nil || state == standing:
		return err
	case state == foreign:
		return fault.New(fault.Invalid, target, "the directory holds files and nothing is mounted on it: it is no place for a volume").
			Mend("empty it, if nobody needs them")
	}
	call, err := ReadCall(options)
	if err != nil {
		return d.giveBack(target, err)
	}
	source, err := d.Providers(call.Spec)
	if err != nil {
		return d.giveBack(target, err)
	}
	class, seen := call.class(), sighting{target: target, clock: d.Clock}
	publisher := publish.New(publish.Config{
		Classes: one{class}, Providers: from{source, seen.known(call.Pod)}, Volumes: d.Volumes, Clock: d.Clock,
		Sightings: seen, Recorder: d.Recorder, Interval: interval,
	})
	return d.giveBack(target, inner(publisher.Publish(ctx, publish.Volume{
		ID: call.Volume, Target: target, Pod: call.Pod, Class: class.Metadata.Name, Secrets: call.Secrets, Group: call.Group,
	})))
}

// Unmount takes the volume away. What is not there, was never mounted, or is not a volume's directory is left as it is,
// and is a success.
func (d *Driver) Unmount(ctx context.Context, target string) error {
	state, err := d.stands(target)
	if err != nil || state == foreign {
		return err
	}
	publisher := publish.New(publish.Config{Volumes: d.Volumes, Clock: d.Clock, Recorder: d.Recorder})
	return publisher.Unpublish(ctx, "", target)
}

// one is the class that was made of the options, whatever is asked for.
type one struct{ class secretsstore.Class }

func (o one) Class(context.Context, string, string) (secretsstore.Class, error) { return o.class, nil }

// from is the one provider. Where nobody knows when the node first saw the pod, nothing is said of freshness, and the
// provider's own short window applies.
type from struct {
	source provider.Provider
	known  bool
}

func (f from) Provider(string) (provider.Provider, error) { return f, nil }

func (f from) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	if !f.known {
		req.Freshness = provider.Freshness{}
	}
	return f.source.Mount(ctx, req)
}

// inner takes off the words around a provider's error that name the pod: the kubelet names it too, and an event is short.
func inner(err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Subject == "" && e.Remedy == "" && e.Cause != nil {
		return e.Cause
	}
	return err
}
