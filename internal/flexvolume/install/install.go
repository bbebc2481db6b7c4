// Package install puts the FlexVolume driver where a kubelet looks for it, and keeps it there: <dir>/azure~kv/kv, with
// the operator's settings beside it.
//
// Every file appears in one step, by a rename in its own directory, so that a kubelet never executes half a program, and
// a mount in flight goes on with the program it was started with. What is being written has a name that begins with a
// dot, which kubelets do not look at.
package install

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// The names below a kubelet's directory of volume plugins. The tilde stands for the slash of azure/kv.
const (
	Vendor   = "azure~kv"
	Program  = "kv"
	Settings = "kv.json"
)

// Config is what an Installer needs.
type Config struct {
	Dir     string        // the kubelet's directory of volume plugins; required
	Source  string        // the program to copy; required
	Beside  string        // a directory whose files go beside the program; empty has none
	Every   time.Duration // how often Run looks after what it installed; 0 means a minute
	Version string        // for the log
	Log     *slog.Logger  // required
	Clock   clock.Clock   // required
}

// Installer installs one program in one directory.
type Installer struct {
	Config
	last mark // of the program as it was last found identical
}

// New makes an Installer; it touches nothing.
func New(c Config) *Installer {
	if c.Every <= 0 {
		c.Every = time.Minute
	}
	return &Installer{Config: c}
}

// Run installs, and repairs what somebody else changes or removes, until ctx is done. It leaves everything in its place
// then: pods of this node still have to unmount. A failure is told and tried again; the error is always nil.
func (i *Installer) Run(ctx context.Context) error {
	failing := ""
	for {
		changed, err := i.Ensure()
		switch {
		case err != nil && err.Error() != failing:
			failing = err.Error()
			i.Log.Error("the FlexVolume driver is not installed", logkey.Path, i.home(), logkey.Error, fault.Explain(err))
		case err == nil && (len(changed) > 0 || failing != ""):
			failing = ""
			i.Log.Info("FlexVolume driver installed", logkey.Path, i.home(), logkey.Version, i.Version, "changed", changed)
		}
		again, stop := i.Clock.After(i.Every)
		select {
		case <-again:
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

func (i *Installer) home() string { return filepath.Join(i.Dir, Vendor) }

// Ensure puts everything in its place once, and lists what was not there yet. What is in its place is not touched. The
// settings come before the program, which is never to run without them.
func (i *Installer) Ensure() (changed []string, err error) {
	beside, err := i.beside()
	if err != nil {
		return nil, err
	}
	made, err := i.makeHome(beside)
	if err != nil {
		return nil, wrap(err, i.Dir)
	}
	if made {
		changed = append(beside, Program)
	}
	for _, name := range beside {
		written, err := i.put(filepath.Join(i.Beside, name), name, 0o600)
		if err != nil {
			return changed, wrap(err, name)
		}
		if written {
			changed = append(changed, name)
		}
	}
	if err := i.dropOldSettings(beside); err != nil {
		return changed, wrap(err, Settings)
	}
	if i.untouched() {
		return changed, nil
	}
	written, err := i.put(i.Source, Program, 0o755)
	if err != nil {
		return changed, wrap(err, Program)
	}
	if written {
		changed = append(changed, Program)
	}
	i.last, err = markOf(filepath.Join(i.home(), Program))
	return changed, wrap(err, Program)
}

// Remove takes the driver away. Volumes that are still mounted can then not be unmounted by their kubelet any more.
// Doing it twice succeeds.
func (i *Installer) Remove() error {
	err := os.Remove(filepath.Join(i.home(), Program)) // first, so that no kubelet calls it without its settings
	if err == nil || os.IsNotExist(err) {
		err = os.RemoveAll(i.home())
	}
	return wrap(err, i.home())
}

func wrap(err error, subject string) error {
	if err == nil {
		return nil
	}
	e := fault.Wrap(err, fault.Internal, subject, "cannot be installed")
	if os.IsPermission(err) || os.IsNotExist(err) {
		e.Mend("mount the kubelet's directory of volume plugins (--volume-plugin-dir) into this container, writable")
	}
	return e
}
