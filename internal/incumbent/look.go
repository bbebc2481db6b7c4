package incumbent

import (
	"context"
	"log/slog"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Object is the part of a CSIDriver object that says whether this driver can work with it.
type Object struct {
	Labels, Annotations map[string]string
	// Republish is its requiresRepublish.
	Republish bool
}

// Look watches the CSIDriver object of the driver's name. The socket is guarded by Wait and Check; the object has no guard:
// an add-on that is removed takes it along, another release puts its own in its place, and the pods of this one see nothing
// of it but mounts that fail. So it is read again and again, and each new finding is logged once, as is its end.
type Look struct {
	// Read reads the object; NotFound when there is none. Required.
	Read func(context.Context) (Object, error)
	// Every is how long to wait before the next look; 0 means 5 minutes: every node asks.
	Every time.Duration
	// Clock times it. Nil means the machine's.
	Clock clock.Clock
	// Log hears of findings. Required.
	Log *slog.Logger
}

// finding is what is wrong with the object. The zero value is nothing.
type finding struct {
	level         slog.Level
	message, text string
}

// Run looks at once, and then until ctx is done. It returns nil.
func (l Look) Run(ctx context.Context) error {
	if l.Clock == nil {
		l.Clock = clock.Real{}
	}
	if l.Every <= 0 {
		l.Every = 5 * time.Minute
	}
	var known finding
	for {
		found := l.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if found != known {
			known = found
			found.say(l.Log)
		}
		if !clock.Sleep(ctx, l.Clock, l.Every) {
			return nil
		}
	}
}

func (l Look) look(ctx context.Context) finding {
	object, err := l.Read(ctx)
	if fault.KindOf(err) == fault.NotFound {
		gone := fault.Wrap(err, fault.NotFound, "CSIDriver", "without it the kubelet sends this driver neither pods' names nor their tokens").
			Mend("apply this installation again: helm upgrade of its release, or kubectl apply -f its manifest")
		return finding{slog.LevelError, "the CSIDriver object is gone", fault.Explain(gone)}
	}
	if err != nil {
		return finding{slog.LevelWarn, "the CSIDriver object cannot be read", fault.Explain(err)}
	}
	if owned := Owner(object.Labels, object.Annotations); owned != nil {
		return finding{slog.LevelError, "another installation owns the CSIDriver object", fault.Explain(owned)}
	}
	if !object.Republish {
		return finding{slog.LevelWarn, "the CSIDriver object does not have requiresRepublish: tokens are not renewed and nothing is rotated after they have expired", ""}
	}
	return finding{}
}

func (f finding) say(log *slog.Logger) {
	switch {
	case f == finding{}:
		log.Info("the CSIDriver object is in order again")
	case f.text == "":
		log.Log(context.Background(), f.level, f.message)
	default:
		log.Log(context.Background(), f.level, f.message, slog.String(logkey.Error, f.text))
	}
}
