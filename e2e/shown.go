package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// dataLink is what every file of a volume leads through; its target changes with the content and never otherwise.
const dataLink = "..data"

// File reads a file of a pod's volume where the node has it, which asks nobody.
func File(pod *corev1.Pod, volume, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(Target(pod, volume), name))
	return string(text), err
}

// WantFile fails the test unless a file holds that now.
func WantFile(t testing.TB, pod *corev1.Pod, volume, name, want string) {
	t.Helper()
	if err := holds(pod, volume, name, want); err != nil {
		t.Error(err)
	}
}

// AwaitFile waits until a file holds that, and gives how long it took.
func AwaitFile(t testing.TB, pod *corev1.Pod, volume, name, want string) time.Duration {
	t.Helper()
	began := time.Now()
	Eventually(t, "a file", func() error { return holds(pod, volume, name, want) })
	return time.Since(began)
}

func holds(pod *corev1.Pod, volume, name, want string) error {
	got, err := File(pod, volume, name)
	if err == nil && got != want {
		err = fmt.Errorf("%s of %s holds %q, not %q", name, pod.Name, got, want)
	}
	return err
}

// Shown is what stands at a volume's target down to the node's own bookkeeping: of each entry, and of everything that
// ..data holds, its inode and its times. Two that are equal mean that nothing was written in between.
func Shown(t testing.TB, pod *corev1.Pod, volume string) string {
	t.Helper()
	target := Target(pod, volume)
	var all strings.Builder
	err := filepath.WalkDir(target, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s syscall.Stat_t
		if err := syscall.Lstat(path, &s); err != nil {
			return err
		}
		link, err := os.Readlink(path)
		if err != nil && !errors.Is(err, syscall.EINVAL) { // it is none
			return err
		}
		fmt.Fprintf(&all, "%s inode %d of %d, mode %o, owner %d:%d, modified %d.%09d, changed %d.%09d, leads to %q\n",
			strings.TrimPrefix(path, target), s.Ino, s.Dev, s.Mode, s.Uid, s.Gid, s.Mtim.Sec, s.Mtim.Nsec, s.Ctim.Sec, s.Ctim.Nsec, link)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(all.String(), "/"+dataLink+" ") {
		t.Fatalf("the volume of %s shows no %s:\n%s", pod.Name, dataLink, &all)
	}
	return all.String()
}
