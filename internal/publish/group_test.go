package publish

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/secret"
)

// Modes that the owner can read back, so that a republish finds them unchanged whoever runs this.
func TestAPodsGroupMayRead(t *testing.T) {
	t.Parallel()
	group := os.Getegid()
	modes := map[fs.FileMode]fs.FileMode{
		0o644: 0o644,
		0o400: 0o440,
		0o600: 0o640,
		0o404: 0o444, // whoever is neither owner nor group keeps what it was given
		0o420: 0o460,
		0o777: 0o777,
	}
	w := newWorld(t)
	w.answer.Files = nil
	for mode := range modes {
		w.answer.Files = append(w.answer.Files, secret.File{Path: fmt.Sprintf("%04o", mode), Mode: mode})
	}
	v := w.volume()
	check := func(what string, want func(asked, grouped fs.FileMode) fs.FileMode) {
		t.Helper()
		for asked, grouped := range modes {
			info, err := os.Stat(filepath.Join(v.Target, fmt.Sprintf("%04o", asked)))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want(asked, grouped) {
				t.Errorf("%s: mode %04o became %04o", what, asked, got)
			}
		}
	}
	w.must(v)
	check("without a group", func(asked, _ fs.FileMode) fs.FileMode { return asked })
	v.Group = &group
	w.clock.Advance(w.Interval)
	w.must(v)
	check("with a group", func(_, grouped fs.FileMode) fs.FileMode { return grouped })
	w.clock.Advance(w.Interval)
	if r := w.must(v); r.Skipped || r.Change.Changed {
		t.Errorf("written again without a change: %+v", r.Change)
	}
	for _, f := range w.answer.Files {
		if f.Path != fmt.Sprintf("%04o", f.Mode) {
			t.Errorf("the provider's own answer was changed: %s has mode %04o", f.Path, f.Mode)
		}
	}
}

func TestWhatTheOwnerMayNotReadTheGroupMayNotEither(t *testing.T) {
	t.Parallel()
	group := 0
	for _, mode := range []fs.FileMode{0, 0o200, 0o004, 0o111} {
		if got := readableBy(&group, []secret.File{{Mode: mode}})[0].Mode; got != mode {
			t.Errorf("%04o became %04o", mode, got)
		}
	}
}
