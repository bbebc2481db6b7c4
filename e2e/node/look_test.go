package node

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWhatIsLeftIsSeen(t *testing.T) {
	t.Parallel()
	before := sight{"mount /": true, "interface lo": true, "setting vm/panic_on_oom=0": true}
	after := sight{
		"mount /": true, "mount /var/lib/kubelet": true, "interface lo": true, "interface cni0": true,
		"setting vm/panic_on_oom=1": true, "file /tmp/" + prefix + "another-run": true,
	}
	want := []string{"interface cni0", "mount /var/lib/kubelet", "setting vm/panic_on_oom=1"}
	if got := after.since(before); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := before.since(before); len(got) != 0 {
		t.Errorf("nothing changed, and yet: %q", got)
	}
}

func TestARunThatLivesCannotBeTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(dir); err == nil {
		t.Error("it was taken twice")
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := takeLock(dir)
	if err != nil {
		t.Fatalf("an abandoned run cannot be taken: %v", err)
	}
	again.Close()
}

func TestATreeOfCgroupsIsRemovedFromBelow(t *testing.T) {
	t.Parallel()
	top := filepath.Join(t.TempDir(), "run")
	if err := os.MkdirAll(filepath.Join(top, "kubepods", "pod1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(top); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(top); !os.IsNotExist(err) {
		t.Error(err)
	}
}
