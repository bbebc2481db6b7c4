package flexvolume

import (
	"log/slog"
	"os"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
	"strongroom/internal/telemetry/logkey"
)

// maxLog is how large the log file grows before it is put aside as <path>.1, in place of the one before.
const maxLog = 1 << 20

// LogFile appends to a file that is kept small, since nobody turns logs over for a program that is not a service. The
// zero LogFile, and one that cannot be written, drop what they are given: there is nobody to tell, and the kubelet's
// answer matters more.
type LogFile struct{ Path string }

// Write appends a line. Each is one write at the end of the file, so that programs which run at once do not mix theirs.
func (l LogFile) Write(line []byte) (int, error) {
	if l.Path == "" {
		return len(line), nil
	}
	if info, err := os.Lstat(l.Path); err == nil && info.Mode().IsRegular() && info.Size() > maxLog {
		_ = os.Rename(l.Path, l.Path+".1") // whoever runs at the same time may have been faster
	}
	f, err := os.OpenFile(l.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|noFollow, 0o600)
	if err != nil {
		return len(line), nil
	}
	_, _ = f.Write(line)
	_ = f.Close()
	return len(line), nil
}

// Recorder writes one line for each mount and unmount.
type Recorder struct{ Log *slog.Logger }

// Published tells of a mount: what came of it, whom Azure saw, what it cost.
func (r Recorder) Published(p publish.Record) {
	attributes := []any{
		logkey.Pod, p.Pod.String(), logkey.Volume, p.Volume, logkey.Target, p.Target, logkey.Took, p.Took.Round(time.Microsecond),
		"identity", p.Report.Identity, "why", p.Report.Why, "vault", p.Report.Vault,
		logkey.TokenCalls, p.Report.Calls.Token, logkey.VaultCalls, p.Report.Calls.Vault, logkey.Shared, p.Report.Calls.Shared,
	}
	for _, note := range p.Report.Notes {
		r.Log.Info("note", logkey.Pod, p.Pod.String(), logkey.Volume, p.Volume, "note", note)
	}
	if p.Err != nil {
		r.Log.Error("mount failed", append(attributes, "stage", string(p.Stage), logkey.Kind, fault.KindOf(p.Err).String(), logkey.Error, fault.Explain(p.Err))...)
		return
	}
	stale := 0
	for _, o := range p.Report.Objects {
		if o.State == provider.Stale {
			stale++
		}
	}
	if stale > 0 {
		attributes = append(attributes, "stale", stale)
	}
	r.Log.Info("mounted", append(attributes, logkey.Files, len(p.Change.Added)+len(p.Change.Updated))...)
}

// Unpublished tells of an unmount.
func (r Recorder) Unpublished(target string, err error) {
	if err != nil {
		r.Log.Error("unmount failed", logkey.Target, target, logkey.Error, fault.Explain(err))
		return
	}
	r.Log.Info("unmounted", logkey.Target, target)
}

// Forgotten is for drivers that run on.
func (Recorder) Forgotten(string) {}
