//go:build linux

package volume_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"strongroom/internal/fault"
	"strongroom/internal/volume"
)

// childTask names the work that this test binary does instead of testing, when it is started by a test.
const childTask = "VOLUME_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childTask) {
	case "":
		goleak.VerifyTestMain(m)
	case "churn":
		churn(os.Args[1:])
	case "fill":
		fill(os.Args[1])
	case "unprivileged":
		unprivileged(os.Args[1])
	}
}

func child(task string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childTask+"="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

// churn writes and removes until it is killed, one goroutine for each target.
func churn(targets []string) {
	m := plain()
	for i, target := range targets {
		go func() {
			for n := 1; ; n++ {
				_, err := m.Ensure(target)
				if err == nil {
					_, err = m.Write(target, generation(n).files(), nil)
				}
				if err == nil && n%(5+i) == 0 {
					err = m.Remove(target)
				}
				if err != nil {
					panic(err)
				}
			}
		}()
	}
	fmt.Println("churning")
	select {}
}

// Killed at any instruction, a writer leaves a complete set or none, Inspect tells which, and the next writer gets
// through and cleans up. In memory there are many more kills in the same time, because nothing is synced.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		killAgainAndAgain(t, t.TempDir(), 40*time.Millisecond)
	})
	if memory, err := os.MkdirTemp("/dev/shm", "volume-test-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(memory) })
		t.Run("memory", func(t *testing.T) {
			t.Parallel()
			killAgainAndAgain(t, memory, 15*time.Millisecond)
		})
	}
}

func killAgainAndAgain(t *testing.T, base string, latest time.Duration) {
	const length = 4 * time.Second
	var paths []string
	for i := range 6 {
		paths = append(paths, filepath.Join(base, strconv.Itoa(i), "mount"))
	}
	var kills, full, empty int
	for start := time.Now(); time.Since(start) < length && kills < 400; kills++ {
		kill(t, latest, paths)
		for _, path := range paths {
			if checkSurvivor(t, path) {
				full++
			} else {
				empty++
			}
		}
		// The first half starts over; the second is left as it is for the next writer.
		for _, path := range paths[:len(paths)/2] {
			checkRepair(t, path)
		}
	}
	for _, path := range paths {
		checkRepair(t, path)
	}
	t.Logf("%d kills: a complete set was visible %d times, nothing %d times", kills, full, empty)
}

func kill(t *testing.T, latest time.Duration, targets []string) {
	t.Helper()
	cmd := child("churn", targets...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Error(err)
	}
	time.Sleep(rand.N(latest)) // not a wait for anything: the moment of death
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
}

// checkSurvivor reads as a pod would.
func checkSurvivor(t *testing.T, target string) (full bool) {
	t.Helper()
	seen := visible(t, target)
	state, err := plain().Inspect(target)
	if err != nil {
		t.Error(err)
	}
	if state.Complete != (len(seen) > 0) {
		t.Errorf("state %+v, but %v is visible", state, seen)
	}
	if len(seen) == 0 {
		return false
	}
	n, err := strconv.Atoi(seen["a"])
	if err != nil {
		t.Errorf("a part of a set is visible: %v", seen)
		return true
	}
	same(t, "visible set", generation(n), seen)
	return true
}

func checkRepair(t *testing.T, target string) {
	t.Helper()
	m := plain()
	if _, err := m.Ensure(target); err != nil {
		t.Error(err)
	}
	write(t, m, target, generation(0).files())
	same(t, "visible set after repair", generation(0), visible(t, target))
	if left := reserved(t, target); len(left) != 2 {
		t.Errorf("left over: %v", left)
	}
	if err := m.Remove(target); err != nil {
		t.Error(err)
	}
}

// A reader that opens the visible set while it is swapped again and again never sees two sets mixed.
func TestReaderDuringSwaps(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	write(t, m, target, generation(0).files())
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := m.Write(target, generation(n).files(), nil); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 300 {
		state, err := m.Inspect(target)
		if err != nil || state != (volume.State{Exists: true, Mounted: true, Complete: true, Backing: volume.BackingPlain}) {
			t.Fatalf("state %+v, %v", state, err)
		}
		names, err := m.Names(target)
		if err != nil || len(names) != len(generation(0)) {
			t.Fatalf("names %v, %v", names, err)
		}
		text, err := os.ReadFile(filepath.Join(target, "a"))
		if err == nil && len(text) == 0 {
			t.Fatal("an empty file was visible")
		}
	}
	close(stop)
	<-stopped
}

// fill is a writer that may not write files beyond 4096 bytes: a full disk, as far as writes can tell.
func fill(target string) {
	if err := limitFileSize(4096); err != nil {
		panic(err)
	}
	files := content{"a": "new", "b/c": string(make([]byte, 1<<16)), "d": "new"}.files()
	change, err := plain().Write(target, files, nil)
	fmt.Println(fault.KindOf(err), change.Changed, len(fault.Remedies(err)), fault.Explain(err))
}

func TestFullDiskKeepsTheOldSet(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]content{"first": {}, "update": {"a": "old", "b/c": "old", "e": "old"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			if len(old) > 0 {
				write(t, m, target, old.files())
			}
			before := len(traces(t, target))
			out, err := child("fill", target).Output()
			if err != nil {
				t.Fatal(err)
			}
			const want = "internal false 1 "
			if got := string(out); len(got) < len(want) || got[:len(want)] != want {
				t.Errorf("the write ended with %q", got)
			}
			same(t, "visible", old, visible(t, target))
			same(t, "number of entries", before, len(traces(t, target)))
			write(t, m, target, content{"a": "new"}.files())
			same(t, "visible later", content{"a": "new"}, visible(t, target))
		})
	}
}

// unprivileged works as a user who may not write here.
func unprivileged(target string) {
	if err := dropPrivilege(); err != nil {
		panic(err)
	}
	m := plain()
	_, err := m.Ensure(filepath.Join(target, "deeper"))
	fmt.Println("ensure", fault.KindOf(err), len(fault.Remedies(err)))
	_, err = m.Write(target, content{"a": "new"}.files(), nil)
	fmt.Println("write", fault.KindOf(err), len(fault.Remedies(err)))
	state, err := m.Inspect(target)
	fmt.Println("inspect", state.Complete, err)
	err = m.Remove(target)
	fmt.Println("remove", fault.KindOf(err), len(fault.Remedies(err)))
}

func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	old := content{"a": "old"}
	write(t, m, target, old.files())
	// The directories above are opened to the other user; the target is closed to its owner, who may be the same.
	above := filepath.Dir(target)
	top := filepath.Dir(filepath.Dir(above))
	for dir, mode := range map[string]os.FileMode{top: 0o755, above: 0o555, target: 0o555} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	}
	out, err := child("unprivileged", target).Output()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "outcomes", "ensure internal 1\nwrite internal 1\ninspect true <nil>\nremove internal 1\n", string(out))
	same(t, "visible", old, visible(t, target))
}
