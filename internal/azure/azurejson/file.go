package azurejson

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// File is an azure.json that may change while it is used. It is safe for concurrent use.
type File struct {
	path, custom string
	clock        clock.Clock

	mu     sync.Mutex
	seen   mark
	config Config
	err    error
}

// mark tells one state of the file from another without reading it. A file put in its place by a rename or the swap of a
// symbolic link is another one, whatever its time and size.
type mark struct {
	file, custom state
}

type state struct {
	info     fs.FileInfo // what the path leads to; nil: nothing
	size     int64
	modified time.Time
}

func (s state) same(other state) bool {
	return s.info != nil && other.info != nil && os.SameFile(s.info, other.info) && s.size == other.size && s.modified.Equal(other.modified)
}

// settled is how old a state must be for its time to tell it from the next one: file systems count in steps.
const settled = 2 * time.Second

// old is false for what may have been written again since, without its time showing it.
func (s state) old(now time.Time) bool { return s.info == nil || now.Sub(s.modified) > settled }

// NewFile is the azure.json at a path; custom is the path of the file with a custom cloud's endpoints, and may be empty. A
// nil clock is the machine's. Nothing is read yet.
func NewFile(path, custom string, c clock.Clock) *File {
	if c == nil {
		c = clock.Real{}
	}
	return &File{path: path, custom: custom, clock: c}
}

// Read gives what the file says now. It costs a look at the file's size and time when nothing has changed since it was
// last read. A file that has become unreadable or wrong is an error, also when it was right before: who removes a
// credential from it means it. Errors are Invalid, or NotFound when there is no such file.
func (f *File) Read() (Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := mark{file: look(f.path)}
	if f.custom != "" {
		now.custom = look(f.custom)
	}
	if now.file.same(f.seen.file) && (f.custom == "" || now.custom.same(f.seen.custom)) {
		return f.config, f.err
	}
	f.seen = mark{} // until it is read: a failure to read is tried again each time
	text, err := slurp(f.path, MaxFile)
	if err != nil {
		return Config{}, unreadable(f.path, err)
	}
	f.config, f.err = Parse(text, ReadCustom(f.custom))
	if at := f.clock.Now(); now.file.old(at) && now.custom.old(at) {
		f.seen = now
	}
	return f.config, f.err
}

// look follows links, so that what a mounted ConfigMap or Secret points to now is what counts.
func look(path string) state {
	info, err := os.Stat(path)
	if err != nil {
		return state{}
	}
	return state{info: info, size: info.Size(), modified: info.ModTime()}
}

// ReadCustom reads the file with a custom cloud's endpoints, for FromEnvironment and Parse.
func ReadCustom(path string) func() ([]byte, error) {
	return func() ([]byte, error) {
		if path == "" {
			return nil, errors.New("no file is named")
		}
		return slurp(path, cloud.MaxDocument)
	}
}

// slurp reads one byte more than the limit, for the parser to see that it is too long.
func slurp(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(file, limit+1)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unreadable(path string, err error) error {
	kind := fault.Invalid
	if errors.Is(err, fs.ErrNotExist) {
		kind = fault.NotFound
	}
	return fault.Wrap(err, kind, path, "cannot be read").
		Mend("mount the node's /etc/kubernetes/azure.json there, or leave the path empty and give the settings by environment")
}
