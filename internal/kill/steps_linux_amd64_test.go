package kill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

type strikes = struct{ makes, alter bool }

func anyCall(strikes) bool      { return true }
func makingCall(c strikes) bool { return c.makes }
func alterCall(c strikes) bool  { return c.alter }

var blows = []blow{
	{name: "killed", kill: true},
	{name: "an I/O error, once", errno: syscall.EIO, hits: anyCall},
	{name: "I/O errors from then on", errno: syscall.EIO, since: true, hits: anyCall},
	{name: "full, once", errno: syscall.ENOSPC, hits: makingCall},
	{name: "full from then on", errno: syscall.ENOSPC, since: true, hits: makingCall},
	{name: "read-only from then on", errno: syscall.EROFS, since: true, hits: alterCall},
	{name: "busy, once", errno: syscall.EBUSY, hits: alterCall},
	{name: "out of memory, once", errno: syscall.ENOMEM, hits: anyCall},
}

// Every system call of a publish, a rotation and an unpublish is where it is killed, and where the disk fails.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	everyStep(t, "plain", number(t, strideEnv, 41))
}

// everyStep tries every call whose number is a multiple of stride, counted on from blow to blow.
func everyStep(t *testing.T, backing string, stride int) {
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "srk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountAll(dir)
		_ = os.RemoveAll(dir)
	})
	tried, struck, nth := 0, map[string]int{}, 0
	for _, work := range []string{"publish", "rotate", "unpublish"} {
		for _, b := range blows {
			for number, more := 1, true; more; number++ {
				if nth++; nth%stride != 0 {
					more = number < 400 // beyond the longest of them
					continue
				}
				s := scene{t: t, backing: backing, work: work, target: filepath.Join(dir, "pod", "mount")}
				more = s.play(b, number)
				if more && s.outcome.at != "" {
					tried++
					struck[work]++
				}
				if t.Failed() {
					return
				}
			}
		}
	}
	t.Logf("%s: %d blows struck, %v", backing, tried, struck)
}

// scene is one call of a kubelet that something happens to.
type scene struct {
	t       *testing.T
	backing string
	work    string
	target  string
	outcome outcome
	what    string
}

const oldVersion, newVersion, latestVersion = 22, 23, 24 // of different names, the second of two blocks

// play prepares the target, has the child struck, and looks. It is false when the child makes fewer calls.
func (s *scene) play(b blow, number int) bool {
	if s.work != "publish" {
		s.mustDo(oldVersion, "publish")
	}
	var err error
	work := map[string]string{"publish": "publish", "rotate": "publish", "unpublish": "unpublish"}[s.work]
	s.outcome, err = traced(b, number, s.backing, work, s.target, fmt.Sprint(newVersion))
	s.what = fmt.Sprintf("%s %s: %s at call %d (%s)", s.backing, s.work, b.name, number, s.outcome.at)
	if err != nil {
		s.t.Errorf("%s: %v", s.what, err)
		return false
	}
	if s.outcome.at != "" {
		s.judge(b)
	}
	s.mustDo(latestVersion, "publish")
	s.whole(latestVersion)
	s.mustDo(0, "unpublish")
	s.gone()
	return number <= s.outcome.calls
}

// mustDo is a call of a process that nothing happens to.
func (s *scene) mustDo(version int, work string) {
	if answer, failed := newStore(s.backing, version).do(work, s.target); answer != nil || failed != nil {
		s.t.Errorf("%s: the next %s: %v, %v", s.what, work, answer, failed)
	}
}

// judge holds what stands against what was said.
func (s *scene) judge(b blow) {
	seen, err := look(s.target)
	if err != nil {
		s.t.Errorf("%s: %v", s.what, err)
		return
	}
	version, problem := seen.version()
	if len(seen.files) > 0 && problem != nil {
		s.t.Errorf("%s: %v", s.what, problem)
	}
	if s.work == "rotate" && version != oldVersion && version != newVersion {
		s.t.Errorf("%s: the pod has lost its files: %s; said %s", s.what, seen, s.outcome.said)
	}
	if s.outcome.died {
		return
	}
	var answered, succeeded bool
	var remedies int
	if _, err := fmt.Sscan(s.outcome.said, &answered, &succeeded, &remedies); err != nil {
		s.t.Fatalf("%s: the child said %q", s.what, s.outcome.said)
	}
	if !succeeded && (remedies == 0 || !strings.Contains(s.outcome.said, b.errno.Error())) {
		s.t.Errorf("%s: the error lacks its reason or a remedy: %s", s.what, s.outcome.said)
	}
	switch {
	case s.work == "unpublish" && answered:
		s.gone()
	case s.work != "unpublish" && succeeded:
		if version != newVersion {
			s.t.Errorf("%s: success, and there is %s", s.what, seen)
		}
	case s.work == "publish" && answered:
		s.t.Errorf("%s: a first mount without success was answered with it", s.what)
	case s.work == "publish" && !b.since:
		s.gone()
	case s.work == "rotate" && version == oldVersion && !b.since && seen.halfMade():
		// Where the new set stands and only tidying up failed, what is left is the next publish's.
		s.t.Errorf("%s: left over: %s; said %s", s.what, seen, s.outcome.said)
	}
}

// whole holds the target against a publish that succeeded.
func (s *scene) whole(version int) {
	seen, err := look(s.target)
	if err == nil {
		var n int
		if n, err = seen.version(); err == nil && (n != version || seen.halfMade()) {
			err = errors.New("not the new set alone")
		}
	}
	if err != nil {
		s.t.Errorf("%s: afterwards: %v: %s", s.what, err, seen)
	}
}

// gone holds the target against an unpublish that succeeded.
func (s *scene) gone() {
	if _, err := os.Lstat(s.target); !errors.Is(err, fs.ErrNotExist) {
		seen, _ := look(s.target)
		s.t.Errorf("%s: still there (%v): %s; said %s", s.what, err, seen, s.outcome.said)
	}
	if left := mountsBelow(filepath.Dir(s.target)); len(left) > 0 {
		s.t.Errorf("%s: mounts left: %v", s.what, left)
	}
}
