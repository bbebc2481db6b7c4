package flexvolume

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/telemetry"
	"strongroom/internal/volume"
)

// store is a provider in memory that remembers what it was asked.
type store struct {
	files []secret.File
	err   error
	asked []provider.Request
}

func (s *store) Mount(_ context.Context, req provider.Request) (provider.Response, error) {
	s.asked = append(s.asked, req)
	return provider.Response{Files: s.files}, s.err
}

func newDriver(t *testing.T, s *store) (*Driver, *bytes.Buffer, string) {
	t.Helper()
	var log bytes.Buffer
	d := New(Config{
		Volumes: volume.New(volume.Config{Mount: volume.Plain}), Clock: clock.Real{},
		Providers: func(Spec) (provider.Provider, error) { return s, nil },
		Recorder:  Recorder{telemetry.NewLogger(&log, telemetry.LogConfig{})},
	})
	dir := filepath.Join(t.TempDir(), "pods", "u")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return d, &log, filepath.Join(dir, "volumes", "azure~kv", "vol")
}

func text(options map[string]string) []byte {
	text, _ := json.Marshal(options)
	return text
}

// All files or none, whichever of them it is that fails.
func TestAFailedMountLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*store{
		"the provider refuses":  {err: fault.New(fault.Denied, "", "no")},
		"a file cannot be made": {files: []secret.File{{Path: "db", Mode: 0o644}, {Path: "../db"}}},
	} {
		d, log, target := newDriver(t, s)
		if err := d.Mount(t.Context(), target, text(valid())); err == nil {
			t.Errorf("%s: mounted", name)
		}
		if _, err := os.Lstat(target); !os.IsNotExist(err) {
			t.Errorf("%s: something is left: %v", name, err)
		}
		if !strings.Contains(log.String(), "mount failed") || strings.Contains(log.String(), planted) {
			t.Errorf("%s: the log: %s", name, log)
		}
	}
}

// What may be shared is bounded by when the node first saw the pod, and by the provider itself where nobody knows that.
func TestWhatMayBeSharedIsWhatCameAfterThePod(t *testing.T) {
	t.Parallel()
	s := &store{files: []secret.File{{Path: "db", Mode: 0o644}}}
	d, _, target := newDriver(t, s)
	before := time.Now()
	if err := d.Mount(t.Context(), target, text(valid())); err != nil {
		t.Fatal(err)
	}
	fresh := s.asked[0].Freshness
	if _, known := madeAt(t.TempDir()); known && (!fresh.Stated() || fresh.NotBefore.After(before) || before.Sub(fresh.NotBefore) > time.Minute) {
		t.Errorf("asked for what came %s before the mount", before.Sub(fresh.NotBefore))
	}
	if err := d.Mount(t.Context(), filepath.Join(t.TempDir(), "elsewhere"), text(valid())); err != nil {
		t.Fatal(err)
	}
	if s.asked[1].Freshness.Stated() {
		t.Error("where nobody knows when the pod came, something is said of it")
	}
}

// A volume that the original driver mounted before it was replaced is a pod's that runs.
func TestAMountOfTheOriginalCounts(t *testing.T) {
	t.Parallel()
	s := &store{}
	d, _, target := newDriver(t, s)
	d.Volumes = volume.New(volume.Config{Mount: volume.Tmpfs, Mounter: mountedBefore{}})
	if err := os.MkdirAll(target, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(target, "db"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Mount(t.Context(), target, text(valid())); err != nil || len(s.asked) > 0 {
		t.Errorf("%v, asked %d times", err, len(s.asked))
	}
}

// mountedBefore is a machine where somebody has mounted everything already.
type mountedBefore struct{}

func (mountedBefore) Mount(string, []string) error      { return fs.ErrPermission }
func (mountedBefore) Unmount(string) error              { return nil }
func (mountedBefore) IsMountPoint(string) (bool, error) { return true, nil }

func TestAnswersAreWhatAKubeletReads(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]Answer{
		`{"status":"Success","capabilities":{"attach":false,"fsGroup":false}}`: Init(),
		`{"status":"Not supported"}`: Unsupported(),
		`{"status":"Success"}`:       AnswerTo(nil),
		`{"status":"Failure","message":"x: it \"is\" so; to mend: do <this> & that"}`: AnswerTo(fault.New(fault.Invalid, "x", "it \"is\"\nso").Mend("do <this> & that")),
	} {
		var out bytes.Buffer
		if err := answer.Write(&out); err != nil || out.String() != want+"\n" {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
	}
	long := AnswerTo(fault.New(fault.Invalid, "", "%s", strings.Repeat("é\\", 4000)))
	if len(long.Message) > maxMessage+40 {
		t.Errorf("a message of %d bytes", len(long.Message))
	}
}

// The log is put aside before it fills a disk, and a link at its place is not followed.
func TestTheLogStaysSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kv.log")
	line := []byte(strings.Repeat("x", 64<<10) + "\n")
	for range 40 {
		if _, err := (LogFile{path}).Write(line); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > maxLog+2*int64(len(line)) || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	link := filepath.Join(t.TempDir(), "kv.log")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, "", "/nowhere/at/all"} {
		if n, err := (LogFile{path}).Write(line); err != nil || n != len(line) {
			t.Error(n, err)
		}
	}
	if _, err := os.Lstat(elsewhere); !os.IsNotExist(err) {
		t.Error("a link was followed")
	}
}
