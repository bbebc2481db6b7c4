//go:build e2e && linux

package kill

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	csipb "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
)

// What follows is the same where each volume is a tmpfs: run as root in a mount namespace of your own (make kill).

func TestTmpfsKilledAgainAndAgain(t *testing.T) {
	storm(t, "tmpfs", number(t, killsEnv, 200))
}

// trouble befalls a mounted volume, until it is mended.
type trouble struct {
	name  string
	begin func(t *testing.T, target string)
	end   func(t *testing.T, target string)
	says  []string // what the driver's log tells
}

const asItWas = unix.MS_REMOUNT | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func remount(t *testing.T, target string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount("", target, "", asItWas|flags, options); err != nil {
		t.Fatalf("%s: %v", options, err)
	}
}

func usage(t *testing.T, target string) (s unix.Statfs_t) {
	t.Helper()
	if err := unix.Statfs(target, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

var troubles = []trouble{
	{
		name: "full",
		begin: func(t *testing.T, target string) {
			s := usage(t, target)
			remount(t, target, 0, fmt.Sprintf("size=%d", (int64(s.Blocks-s.Bfree)+1)*s.Bsize))
		},
		end:  func(t *testing.T, target string) { remount(t, target, 0, "size=64m") },
		says: []string{"no space left on device", "to mend: the volume is full"},
	},
	{
		name: "no inodes",
		begin: func(t *testing.T, target string) {
			s := usage(t, target)
			remount(t, target, 0, fmt.Sprintf("nr_inodes=%d", s.Files-s.Ffree+2))
		},
		end:  func(t *testing.T, target string) { remount(t, target, 0, "nr_inodes=100000") },
		says: []string{"no space left on device", "to mend: the volume is full", "df -i"},
	},
	{
		name:  "read-only",
		begin: func(t *testing.T, target string) { remount(t, target, unix.MS_RDONLY, "") },
		end:   func(t *testing.T, target string) { remount(t, target, 0, "") },
		says:  []string{"read-only file system", "to mend: mount the file system below it writable again"},
	},
}

// A real fault of a real tmpfs: the old set stays, the log says what is wrong and what mends it, nothing is left over,
// and once it is mended the next publish succeeds by itself.
func TestTmpfsInTrouble(t *testing.T) {
	n, v := oneVolume(t)
	for _, trouble := range troubles {
		kubelet, hangUp := n.dial()
		v.must(kubelet, publishing)
		before := v.seen
		trouble.begin(t, v.target)
		v.set++
		n.rotate(v.id, v.set)
		v.must(kubelet, rotating) // the kubelet is told that the files stand
		s, err := look(v.target)
		if err != nil || v.seen != before || s.halfMade() {
			t.Errorf("%s: version %d and not %d, %v: %s", trouble.name, v.seen, before, err, s)
		}
		for _, text := range trouble.says {
			n.driver.says(text)
		}
		trouble.end(t, v.target)
		v.must(kubelet, rotating)
		v.whole()
		v.must(kubelet, unpublishing)
		v.whole()
		hangUp()
	}
	n.leave([]*podVolume{v})
}

// A mount that somebody uses, one that somebody put over ours, and one that somebody put into it.
func TestTmpfsStuckMounts(t *testing.T) {
	n, v := oneVolume(t)
	kubelet, hangUp := n.dial()
	defer hangUp()

	v.must(kubelet, publishing)
	user := exec.Command("sleep", "600")
	user.Dir = v.target
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	v.must(kubelet, unpublishing) // a pod's end does not wait for whoever else looks into its volume
	v.whole()
	_ = user.Process.Kill()
	_ = user.Wait()

	v.must(kubelet, publishing)
	if err := unix.Mount("tmpfs", v.target, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	v.must(kubelet, rotating)
	if s, err := look(v.target); err != nil || s.halfMade() {
		t.Errorf("over ours: %v, %s", err, s)
	}
	v.must(kubelet, unpublishing)
	v.whole()

	v.must(kubelet, publishing)
	data, err := os.Readlink(filepath.Join(v.target, "..data"))
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(v.target, data, "theirs")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", inside, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	v.set++
	n.rotate(v.id, v.set)
	v.must(kubelet, rotating)
	if v.seen != v.set {
		t.Errorf("version %d is visible and not %d", v.seen, v.set)
	}
	n.driver.says("another file system is mounted at")
	if err := v.unpublish(kubelet); err == nil {
		t.Error("somebody else's mount was taken away with the volume")
	}
	if err := unix.Unmount(inside, 0); err != nil {
		t.Fatal(err)
	}
	v.must(kubelet, unpublishing)
	v.whole()
	n.leave([]*podVolume{v})
}

// oneVolume is a node that serves one volume with values of more than a page.
func oneVolume(t *testing.T) (*node, *podVolume) {
	n := newNode(t, 1, "tmpfs")
	v := n.newVolume(0, rand.New(rand.NewPCG(1, 1)))
	var err error
	if n.before, err = tree(n.dir); err != nil {
		t.Fatal(err)
	}
	n.start()()
	return n, v
}

// must is a call that succeeds.
func (v *podVolume) must(kubelet csipb.NodeClient, work int32) {
	v.t.Helper()
	if !v.try(kubelet, work) {
		v.t.Fatalf("%d was refused\n%s", work, v.driver.said())
	}
}

// says waits until the present process has logged something, which it may do while its answer is on its way.
func (p *process) says(text string) {
	for range answerTime / time.Millisecond {
		if strings.Contains(p.said(), text) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	p.t.Errorf("%s never said %q:\n%s", p.args[0], text, p.said())
}
