package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"strongroom/internal/emulator/pki"
	"strongroom/internal/fault"
)

// storedVersion is the form of the state file; another one is refused, not guessed at.
const storedVersion = 1

// stored is the emulator at rest: what REST calls changed and what clients trust. Who exists, who may do what and which
// identities a machine has is not in it, for that is declared anew at each start; nor are signing keys, so tokens end with
// the process.
type stored struct {
	Version   int             `json:"version"`
	Authority string          `json:"authority,omitempty"` // PEM of the root with its key
	Vaults    json.RawMessage `json:"vaults,omitempty"`    // as keyvault exports them, values in clear
}

// load reads a state file. No file name, or no such file yet, is an empty state; a file that cannot be read is an error
// and is left as it is, for it may be the only copy of somebody's work.
func load(path string) (stored, error) {
	if path == "" {
		return stored{}, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stored{}, nil
	}
	if err != nil {
		return stored{}, fault.Wrap(err, fault.Internal, "state file "+path, "cannot be read")
	}
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return stored{}, fault.Wrap(err, fault.Invalid, "state file "+path, "is not an emulator's state").Mend("move it away to begin anew")
	}
	if s.Version != storedVersion {
		return stored{}, fault.New(fault.Unsupported, "state file "+path, "has version %d, this emulator writes %d", s.Version, storedVersion)
	}
	return s, nil
}

// authority is the stored root, or a new one.
func (s stored) authority(now func() time.Time) (*pki.Authority, error) {
	if s.Authority == "" {
		return pki.New(now)
	}
	return pki.Load([]byte(s.Authority), now)
}

// dump is the state as it would be stored.
func (e *Emulator) dump() ([]byte, error) {
	authority, err := e.authority.Marshal()
	if err != nil {
		return nil, err
	}
	vaults, err := e.vaults.Export()
	if err != nil {
		return nil, err
	}
	s := stored{Version: storedVersion, Authority: string(authority), Vaults: vaults}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "state", "cannot be encoded")
	}
	return append(text, '\n'), nil
}

// Save writes the state file now; without one it does nothing. The file is replaced whole or not at all.
func (e *Emulator) Save() error {
	if e.config.StateFile == "" {
		return nil
	}
	text, err := e.dump()
	if err != nil {
		return err
	}
	if err := replace(e.config.StateFile, text); err != nil {
		return fault.Wrap(err, fault.Internal, "state file "+e.config.StateFile, "cannot be written")
	}
	return nil
}

// saveEvery is how long a change may stay unsaved, so that a killed emulator loses little.
const saveEvery = 5 * time.Second

// keepSaving saves after changes until ctx is done. A failure is tried again, and in the end told by the last save.
func (e *Emulator) keepSaving(ctx context.Context) {
	if e.config.StateFile == "" {
		return
	}
	for {
		fired, stop := e.config.Clock.After(saveEvery)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-fired:
		}
		if e.changed.Swap(false) && e.Save() != nil {
			e.changed.Store(true)
		}
	}
}

// replace writes beside the file, readable by its owner alone, and renames.
func replace(path string, text []byte) (err error) {
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name())
		}
	}()
	if _, err := next.Write(text); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
