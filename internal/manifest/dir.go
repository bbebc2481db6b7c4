package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// Dir serves classes from the manifests (*.yaml, *.yml) of one directory, where there is no cluster. Files are read
// again when their time or size changes, so an edit is seen at the next question. A file that does not parse makes
// only the classes it held unavailable, and the answer for a missing class names such files. Of two classes of one name
// the last counts, in the order of file names: as with "kubectl apply" of the directory.
type Dir struct {
	// Path is the directory. It is read at each question, without its subdirectories.
	Path string
	// Namespace is where manifests that name no namespace belong; empty means "default".
	Namespace string

	mu    sync.Mutex
	files map[string]parsed
}

type parsed struct {
	modified time.Time
	size     int64
	classes  []secretsstore.Class
	err      error
}

// Class finds one class. A missing one is a NotFound fault, an unreadable directory Internal.
func (d *Dir) Class(_ context.Context, namespace, name string) (secretsstore.Class, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.refreshLocked(); err != nil {
		return secretsstore.Class{}, err
	}
	var broken []string
	for _, path := range slices.Backward(slices.Sorted(maps.Keys(d.files))) {
		file := d.files[path]
		if file.err != nil {
			broken = append(broken, fault.Explain(file.err))
		}
		for _, class := range slices.Backward(file.classes) {
			if class.Metadata.Name == name && d.namespaceOf(class) == namespace {
				class.Metadata.Namespace = namespace
				class.Metadata.UID = path
				return class, nil
			}
		}
	}
	missing := fault.New(fault.NotFound, "", "secretproviderclasses.%s %q not found in %s", secretsstore.Group, name, d.Path)
	if len(broken) > 0 {
		missing.Message += " (files that could not be read: " + strings.Join(broken, ", ") + ")"
	}
	return secretsstore.Class{}, missing
}

func (d *Dir) namespaceOf(class secretsstore.Class) string {
	switch {
	case class.Metadata.Namespace != "":
		return class.Metadata.Namespace
	case d.Namespace != "":
		return d.Namespace
	default:
		return "default"
	}
}

func (d *Dir) refreshLocked() error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return fault.Wrap(err, fault.Internal, d.Path, "the directory of class manifests cannot be read")
	}
	seen := map[string]parsed{}
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); ext != ".yaml" && ext != ".yml" {
			continue
		}
		info, err := entry.Info()
		if err != nil || info.IsDir() {
			continue // removed since the listing, or a directory with an odd name
		}
		seen[entry.Name()] = d.readLocked(entry.Name(), info)
	}
	d.files = seen
	return nil
}

func (d *Dir) readLocked(name string, info fs.FileInfo) parsed {
	if old, ok := d.files[name]; ok && old.modified.Equal(info.ModTime()) && old.size == info.Size() {
		return old
	}
	classes, err := ReadFile(filepath.Join(d.Path, name))
	return parsed{modified: info.ModTime(), size: info.Size(), classes: classes, err: err}
}

// ReadFile parses one manifest file. A pipe is read like a file, so that a shell may hand over what a program prints.
func ReadFile(path string) ([]secretsstore.Class, error) {
	data, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(err, fault.NotFound, path, "the manifest cannot be read")
	case err != nil:
		return nil, fault.Wrap(err, fault.Invalid, path, "the manifest cannot be read")
	}
	return Parse(path, data)
}

// read gives at most one byte more than Parse takes.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, MaxBytes+1))
}

// One picks the class a command is about: the named one, or the only one there is.
func One(classes []secretsstore.Class, name string) (secretsstore.Class, error) {
	var names []string
	for _, class := range classes {
		if class.Metadata.Name == name || (name == "" && len(classes) == 1) {
			return class, nil
		}
		names = append(names, class.Metadata.Name)
	}
	switch {
	case len(classes) == 0:
		return secretsstore.Class{}, fault.New(fault.NotFound, "", "the manifest holds no %s", secretsstore.KindClass)
	case name == "":
		return secretsstore.Class{}, fault.New(fault.Invalid, "", "the manifest holds %d classes: %s", len(classes), strings.Join(names, ", ")).
			Mend("name one with --class")
	default:
		return secretsstore.Class{}, fault.New(fault.NotFound, "", "%s", fmt.Sprintf("no class %q among %s", name, strings.Join(names, ", ")))
	}
}
