package publish

import (
	"context"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// followed remembers what a follower was told, and what it found there.
type followed struct {
	told  []Mounted
	files []string
	left  time.Duration // until its context ends
}

func (f *followed) Mounted(ctx context.Context, m Mounted) {
	f.told = append(f.told, m)
	if end, ok := ctx.Deadline(); ok {
		f.left = time.Until(end)
	}
	files, err := m.Files()
	if err != nil {
		f.files = append(f.files, err.Error())
	}
	for _, file := range files {
		f.files = append(f.files, file.Path+"="+string(file.Contents.Reveal()))
	}
}

func following(t *testing.T, test func(w *world, f *followed)) {
	f := &followed{}
	timed(t, func(w *world) { test(w, f) }, func(c *Config) { c.Follower = f })
}

func TestAFollowerIsToldOfWhatStands(t *testing.T) {
	following(t, func(w *world, f *followed) {
		v := w.volume()
		v.Tokens, v.Secrets = tokens(w.clock.Now().Add(time.Hour), "x"), map[string]secret.Value{"clientsecret": {}}
		w.answer.Report.Age = time.Second
		w.must(v)
		m := f.told[0]
		if !m.First || !m.Changed || !m.Asked.Equal(w.clock.Now().Add(-time.Second)) || m.Class.Spec.Provider != "azure" || m.Volume.Pod != v.Pod || m.Volume.Target != v.Target {
			t.Errorf("told: %+v", m)
		}
		if m.Volume.Tokens.Len() != 0 || m.Volume.Secrets != nil {
			t.Error("a follower was given what is none of its business")
		}
		if len(f.files) != 1 || f.files[0] != "a=one" || f.left > followTime || f.left <= 0 {
			t.Errorf("found %v, with %s left", f.files, f.left)
		}
		w.must(v)
		if len(f.told) != 1 {
			t.Error("told of a publish that had nothing to do")
		}
		w.answer.Report.Age = 0
		w.pass(119 * time.Second)
		if len(f.told) != 2 || f.told[1].Changed || f.told[1].First {
			t.Errorf("an unchanged fetch: told %d times", len(f.told))
		}
		w.err = fault.New(fault.Denied, "secret/a", "no")
		w.pass(2 * time.Minute)
		if len(f.told) != 2 {
			t.Error("told of a failure")
		}
	})
}

func TestEditedSecretObjectsReachTheFollower(t *testing.T) {
	following(t, func(w *world, f *followed) {
		v := w.volume()
		w.must(v)
		w.class.Spec.SecretObjects = []secretsstore.SecretObject{{SecretName: "made"}}
		w.ClassChanged("shop", "web")
		w.expect(1, "with an edit of secretObjects alone")
		if len(f.told) != 2 || f.told[1].Changed || len(f.told[1].Class.Spec.SecretObjects) != 1 || !f.told[1].Asked.Equal(f.told[0].Asked) {
			t.Fatalf("told %d times", len(f.told))
		}
		w.ClassChanged("shop", "web")
		w.pass(0)
		w.must(v)
		if len(f.told) != 2 {
			t.Error("told twice of one edit")
		}
		// A store that cannot be asked is no reason to keep an edit back.
		w.err = outage
		w.pass(2 * time.Minute)
		w.class.Spec.SecretObjects = nil
		w.ClassChanged("shop", "web")
		w.pass(0)
		if len(f.told) != 3 {
			t.Errorf("told %d times", len(f.told))
		}
	})
}

func TestAFollowerSeesWhatAProviderWroteItself(t *testing.T) {
	following(t, func(w *world, f *followed) {
		v := w.volume()
		w.must(v)
		w.answer.Files = nil
		w.answer.Versions = []secret.Version{{ID: "secret/a", Version: "2"}}
		w.pass(2 * time.Minute)
		if len(f.told) != 2 || !f.told[1].Changed || len(f.files) != 2 || f.files[1] != "a=one" {
			t.Errorf("found %v", f.files)
		}
	})
}

func TestAFailedFirstMountIsNotFollowed(t *testing.T) {
	following(t, func(w *world, f *followed) {
		w.err = outage
		_ = w.Publish(w.t.Context(), w.volume())
		if len(f.told) != 0 {
			t.Error("told of content that does not stand")
		}
	})
}
