//go:build wine && windows

package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// root is a target under Wine, which has no symbolic links to offer: here they are the host's, made by its own system calls,
// and Wine follows them. What a link was made for, as Windows remembers, is a slash at its end. It refuses what the
// strictest Windows refuses: a link made for a directory is not replaced.
//
// It is only in the tests that tools/wine runs. All else of a target is done by os.Root as Go has it for Windows.
type root struct {
	*os.Root
	host string
}

func openRoot(target string) (*root, error) {
	opened, err := os.OpenRoot(target)
	if err != nil {
		return nil, err
	}
	drive := filepath.VolumeName(target)
	host := os.Getenv("WINEPREFIX") + "/dosdevices/" + strings.ToLower(drive) + filepath.ToSlash(strings.TrimPrefix(target, drive))
	return &root{opened, host}, nil
}

// The host's system calls, by their numbers on amd64.
const (
	hostRename   = 82
	hostUnlink   = 87
	hostSymlink  = 88
	hostReadlink = 89
)

// hostPaths is a call with two pieces of memory, hostFile one with an open file.
func hostPaths(number uintptr, a, b unsafe.Pointer, c uintptr) int
func hostFile(number, file uintptr, a unsafe.Pointer, b uintptr) int

func text(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(append([]byte(s), 0))) }

func (r *root) at(name string) unsafe.Pointer { return text(r.host + "/" + filepath.ToSlash(name)) }

// end is where a link leads, as the host has it; "" is no link.
func (r *root) end(name string) string {
	buffer := make([]byte, 4096)
	n := hostPaths(hostReadlink, r.at(name), unsafe.Pointer(&buffer[0]), uintptr(len(buffer)))
	return string(buffer[:max(n, 0)])
}

func (r *root) Readlink(name string) (string, error) {
	if end := r.end(name); end != "" {
		return filepath.FromSlash(strings.TrimSuffix(end, "/")), nil
	}
	return r.Root.Readlink(name)
}

func (r *root) Symlink(dest, name string) error {
	dest = filepath.ToSlash(dest)
	if info, err := r.Root.Stat(dest); err == nil && info.IsDir() {
		dest += "/"
	}
	return answer(hostPaths(hostSymlink, text(dest), r.at(name), 0))
}

func (r *root) Lstat(name string) (fs.FileInfo, error) {
	if end := r.end(name); end != "" {
		return link{name: filepath.Base(name), directory: strings.HasSuffix(end, "/")}, nil
	}
	return r.Root.Lstat(name)
}

func (r *root) Rename(from, to string) error {
	if r.end(from) == "" {
		return r.Root.Rename(from, to)
	}
	if strings.HasSuffix(r.end(to), "/") {
		return windows.ERROR_ACCESS_DENIED
	}
	return answer(hostPaths(hostRename, r.at(from), r.at(to), 0))
}

func (r *root) Remove(name string) error {
	if r.end(name) == "" {
		return r.Root.Remove(name)
	}
	return answer(hostPaths(hostUnlink, r.at(name), nil, 0))
}

func (r *root) RemoveAll(name string) error {
	if r.end(name) == "" {
		return r.Root.RemoveAll(name)
	}
	return r.Remove(name)
}

func answer(result int) error {
	switch {
	case result >= 0:
		return nil
	case result == -2:
		return windows.ERROR_FILE_NOT_FOUND
	case result == -17:
		return windows.ERROR_ALREADY_EXISTS
	}
	return errors.New("the host's error " + syscall.Errno(-result).Error())
}

// FS lists links as links, and those that lead nowhere, too.
func (r *root) FS() fs.FS { return listing{r.Root.FS(), r} }

type listing struct {
	fs.FS
	root *root
}

func (l listing) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return l.root.end(name+"/"+e.Name()) != "" })
	for _, hidden := range l.root.links(name) {
		entries = append(entries, fs.FileInfoToDirEntry(hidden))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (l listing) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(l.FS, name) }
func (l listing) Lstat(name string) (fs.FileInfo, error) { return l.root.Lstat(name) }

// link is what Windows tells of a symbolic link.
type link struct {
	name      string
	directory bool
}

func (l link) Name() string       { return l.name }
func (l link) Size() int64        { return 0 }
func (l link) Mode() fs.FileMode  { return fs.ModeSymlink | 0o666 }
func (l link) ModTime() time.Time { return time.Time{} }
func (l link) IsDir() bool        { return false }
func (l link) Sys() any {
	about := &syscall.Win32FileAttributeData{FileAttributes: windows.FILE_ATTRIBUTE_REPARSE_POINT}
	if l.directory {
		about.FileAttributes |= windows.FILE_ATTRIBUTE_DIRECTORY
	}
	return about
}
