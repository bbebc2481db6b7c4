package install

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/telemetry"
)

// The tests here execute what others of them write, and must not run at once: a process being forked holds a copy of
// every open file, and a program that is open for writing is "busy".

// node is a kubelet's directory, and an installer with a program and settings of an operator.
type node struct {
	*Installer
	clock *clock.Fake
	log   *bytes.Buffer
}

func newNode(t *testing.T) *node {
	t.Helper()
	dir := t.TempDir()
	n := &node{clock: clock.NewFake(), log: &bytes.Buffer{}}
	n.Installer = New(Config{
		Dir: filepath.Join(dir, "volumeplugins"), Source: filepath.Join(dir, "program"), Beside: filepath.Join(dir, "config"), Version: "v1",
		Log: telemetry.NewLogger(n.log, telemetry.LogConfig{}), Clock: n.clock,
	})
	place(t, n.Source, "#!/bin/sh\necho one\n")
	place(t, filepath.Join(n.Beside, Settings), `{"fetch": "provider"}`)
	place(t, filepath.Join(n.Beside, "..data"), "a ConfigMap's own")
	place(t, filepath.Join(n.Beside, Program), "not the program")
	return n
}

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (n *node) ensures(t *testing.T, want ...string) {
	t.Helper()
	changed, err := n.Ensure()
	if err != nil || !slices.Equal(changed, want) {
		t.Errorf("changed %q, %v; want %q", changed, err, want)
	}
	// Nothing but what is to be there, and nothing half-made that a kubelet or a person would meet.
	for dir, want := range map[string][]string{n.Dir: {Vendor}, n.home(): {Program, Settings}} {
		var names []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s holds %q, want %q", dir, names, want)
		}
	}
}

func (n *node) says(t *testing.T, want string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(n.home(), Program)).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

func TestWhatIsInstalledIsLeftAloneUntilItChanges(t *testing.T) {
	n := newNode(t)
	n.ensures(t, Settings, Program)
	n.says(t, "one")
	before, err := os.Stat(filepath.Join(n.home(), Program))
	if err != nil {
		t.Fatal(err)
	}
	n.ensures(t)
	n.last = mark{} // as another installer finds it
	n.ensures(t)
	if after, err := os.Stat(filepath.Join(n.home(), Program)); err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("an identical program was replaced")
	}

	n = n.next(t, "#!/bin/sh\necho two\n")
	n.ensures(t, Program)
	n.says(t, "two")
	place(t, filepath.Join(n.Beside, Settings), "{}")
	n.ensures(t, Settings)
	if text, err := os.ReadFile(filepath.Join(n.home(), Settings)); err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
}

// next is the installer of another release.
func (n *node) next(t *testing.T, program string) *node {
	t.Helper()
	place(t, n.Source, program)
	return &node{Installer: New(n.Config), clock: n.clock, log: n.log}
}

// A program that runs is neither "busy" nor changed under its feet: the new one is another file.
func TestAMountInFlightGoesOnWithItsProgram(t *testing.T) {
	n := newNode(t)
	n.ensures(t, Settings, Program)
	running, err := os.Open(filepath.Join(n.home(), Program))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = running.Close() }()
	n = n.next(t, "#!/bin/sh\necho two\n")
	n.ensures(t, Program)
	text := make([]byte, 64)
	size, err := running.Read(text)
	if err != nil || !strings.Contains(string(text[:size]), "echo one") {
		t.Errorf("%q, %v", text[:size], err)
	}
}

func TestWhatSomebodySpoilsIsRepaired(t *testing.T) {
	n := newNode(t)
	n.ensures(t, Settings, Program)
	for name, spoil := range map[string]func(path string) error{
		"removed":        os.Remove,
		"not executable": func(path string) error { return os.Chmod(path, 0o644) },
		"a link":         func(path string) error { return spoilt(os.Remove(path), os.Symlink("/bin/true", path)) },
		"same size":      func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\necho 111\n")[:19], 0o755) },
		"left half-made": func(path string) error {
			return spoilt(os.Remove(path), os.WriteFile(filepath.Join(filepath.Dir(path), ".kv.new"), []byte("half"), 0o600))
		},
	} {
		if err := spoil(filepath.Join(n.home(), Program)); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		n.ensures(t, Program)
		n.says(t, "one")
	}
}

func spoilt(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Settings that the operator has taken away must not hold on unseen; an installer that was killed leaves no litter.
func TestNothingOldIsLeft(t *testing.T) {
	n := newNode(t)
	place(t, filepath.Join(n.Dir, "."+Vendor+"-old", Program), "half")
	n.ensures(t, Settings, Program)
	n.Beside = ""
	if _, err := n.Ensure(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(n.home(), Settings)); !os.IsNotExist(err) {
		t.Error("settings that nobody gives are still there")
	}
	for range 2 {
		if err := n.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(n.Dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// Run repairs by the clock, tells a failure once, and leaves everything in its place at its end.
func TestRunLooksAfterIt(t *testing.T) {
	n := newNode(t)
	if err := os.WriteFile(n.Dir, nil, 0o600); err != nil { // a file where the kubelet's directory belongs
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for range 2 {
		n.clock.BlockUntil(1)
		n.clock.Advance(time.Minute)
	}
	n.clock.BlockUntil(1)
	if err := os.Remove(n.Dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.clock.Advance(time.Minute)
		n.clock.BlockUntil(1)
		n.says(t, "one")
		if err := os.Remove(filepath.Join(n.home(), Program)); err != nil {
			t.Fatal(err)
		}
	}
	n.clock.Advance(time.Minute)
	n.clock.BlockUntil(1)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	n.says(t, "one")
	log := n.log.String()
	if strings.Count(log, "is not installed") != 1 || strings.Count(log, "FlexVolume driver installed") != 3 {
		t.Errorf("the log:\n%s", log)
	}
}
