// Package volume is the only room that touches a target directory: it makes and mounts it, puts a set of files into it
// in one atomic step, tells what it holds, and takes it away.
//
// A reader of the target sees one complete set of files or, before the first one, none: never half a set, whatever
// moment the writer is killed at. The layout is the one that pods and subPath mounts know from Kubernetes' own
// projected volumes: each top-level name is a relative link into ..data, ..data is a link to a directory named after
// the time it was made, and one rename of ..data swaps everything at once. A target that another program left in this
// layout, or in the older one of plain files, is taken over.
//
// What it never does: follow a symbolic link out of the target, write secrets to a disk where a tmpfs was asked for,
// log, print a value, or decide what the files hold.
//
// When something fails the old set stays and the new one is removed; leftovers of a killed writer are cleaned by the
// next write.
package volume

import (
	"sync"
	"sync/atomic"

	"strongroom/internal/clock"
)

// MountMode says what stands under a target.
type MountMode uint8

// The zero MountMode is Auto.
const (
	Auto  MountMode = iota // a tmpfs where this process may mount one, else a plain directory
	Tmpfs                  // a tmpfs, or an error
	Plain                  // a directory of whatever file system the target is in; nothing is mounted
)

// The values of State.Backing.
const (
	BackingTmpfs = "tmpfs" // memory, gone when unmounted
	BackingPlain = "plain" // a plain directory: the content is on the node's disk, which a door should say loudly
	BackingOther = "other" // some other file system is mounted at the target
)

// DefaultSizeLimit is the most a tmpfs may hold when Config says nothing: twice (old set and new) the greatest set
// that a provider's answer of the protocol's usual size can carry, many times over.
const DefaultSizeLimit = 64 << 20

// Config is what a Manager needs. The zero value works: Auto, DefaultSizeLimit, the system's mounts, the real clock.
type Config struct {
	// Mount says what stands under a target. With Plain the secrets are on disk; with Auto they are where mounting is
	// refused, and State.Backing tells. Zero is Auto.
	Mount MountMode

	// SizeLimit bounds one tmpfs in bytes. Memory is used only for what is written, and old and new content exist
	// together for a moment. Too small a limit makes writes fail and keeps the old content. Zero is DefaultSizeLimit.
	SizeLimit int64

	// Shared refuses a tmpfs that nobody beyond this process's own mounts would see, as in a container whose volumes do
	// not propagate: pods would start with empty directories. Zero does not look.
	Shared bool

	// Mounter does the mounting. Nil is the system's; tests that check options bring their own.
	Mounter Mounter

	// Clock names the directories. Nil is the machine's.
	Clock clock.Clock
}

// Mounter mounts and unmounts. Errors are the system's own (syscall.Errno within), since Manager decides by them.
type Mounter interface {
	// Mount puts a tmpfs with these data options (such as size=65536) on target, always nosuid, nodev and noexec.
	Mount(target string, options []string) error
	// Unmount takes the topmost mount off target without following a link there. Something that is not mounted is no
	// error.
	Unmount(target string) error
	// IsMountPoint says whether something is mounted exactly at target. A missing target is not a mount point.
	IsMountPoint(target string) (bool, error)
}

// Manager keeps target directories. It is safe for concurrent use; two changes to one target at once are refused, see
// Ensure.
type Manager struct {
	mode    MountMode
	size    int64
	shared  bool
	mounter Mounter
	clock   clock.Clock

	noTmpfs  atomic.Bool // Auto has learnt that mounting is refused here
	noNoswap atomic.Bool // the kernel does not know the noswap option

	mu   sync.Mutex
	busy map[string]struct{} // targets being changed
}

// New makes a Manager; it touches nothing.
func New(c Config) *Manager {
	m := &Manager{mode: c.Mount, size: c.SizeLimit, shared: c.Shared, mounter: c.Mounter, clock: c.Clock, busy: map[string]struct{}{}}
	if m.size <= 0 {
		m.size = DefaultSizeLimit
	}
	if m.mounter == nil {
		m.mounter = systemMounter{}
	}
	if m.clock == nil {
		m.clock = clock.Real{}
	}
	return m
}

// State is what stands at a target.
type State struct {
	Exists  bool // there is a directory
	Mounted bool // a file system is mounted there; without a tmpfs: the same as Complete
	// Complete says that a finished set of files is visible: success may be answered. It is false for content that is
	// on disk where a tmpfs was asked for.
	Complete bool
	Backing  string // BackingTmpfs, BackingPlain, BackingOther; empty when the target does not exist
}

// Change is what a Write did, in sorted slash-separated paths.
type Change struct {
	Changed bool // false: what is visible was not touched, its timestamps included
	Added   []string
	Updated []string // bytes, mode or group
	Removed []string
}

// Stats is how full a volume is. Totals of 0 are unknown.
type Stats struct {
	Bytes  Usage
	Inodes Usage
}

// Usage is one measure of Stats.
type Usage struct{ Total, Available, Used int64 }
