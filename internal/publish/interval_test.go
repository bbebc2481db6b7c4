package publish

import (
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

func TestAClassHasAnIntervalOfItsOwn(t *testing.T) {
	timed(t, func(w *world) {
		w.class.Spec.Parameters[secretsstore.ParamRotation] = "10s"
		v := w.volume()
		w.seen["web-1"] = w.clock.Now().Add(-time.Hour)
		w.must(v)
		if got := w.clock.Now().Sub(w.asked[0].Freshness.NotBefore); got != 10*time.Second {
			t.Errorf("a first mount may share what is %s old", got)
		}
		for key := range w.asked[0].Attributes {
			if strings.EqualFold(key, secretsstore.ParamRotation) {
				t.Error("the provider was told of it")
			}
		}
		w.pass(10*time.Second - 1)
		w.expect(1, "before it has passed")
		w.pass(1)
		w.expect(2, "when it has")

		w.class.Spec.Parameters = map[string]string{"keyvaultName": "kv", secretsstore.ParamRotation: "1h"}
		w.ClassChanged("shop", "web")
		w.pass(time.Hour - 1)
		w.expect(2, "with a longer one: the edit alone is no reason to fetch")
		w.pass(1)
		w.expect(3, "when that has passed")

		w.class.Spec.Parameters = map[string]string{"keyvaultName": "kv", secretsstore.ParamRotation: "5s"}
		w.pass(time.Minute)
		w.ClassChanged("shop", "web")
		w.expect(4, "with a shorter one that has passed already")
	})
}

func TestAPodMayHaveAnIntervalOfItsOwn(t *testing.T) {
	timed(t, func(w *world) {
		w.class.Spec.Parameters[secretsstore.ParamRotation] = "1h"
		v := w.volume()
		v.Attributes = map[string]string{secretsstore.ParamRotation: "10s"}
		w.must(v)
		w.pass(10 * time.Second)
		w.expect(2, "after the pod's own interval")
	})
}

func TestAPodMayNotWhereTheOperatorForbids(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.ForbidOverride = true })
	v := w.volume()
	v.Attributes = map[string]string{secretsstore.ParamRotation: "10s"}
	if err := w.Publish(t.Context(), v); fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v", err)
	}
}

func TestAWrongIntervalFailsTheMount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	w.class.Spec.Parameters[secretsstore.ParamRotation] = "1s"
	if r := w.must(v); fault.KindOf(r.Err) != fault.Invalid || r.Stage != FindingClass {
		t.Errorf("a republish: %+v", r)
	}
	if err := w.Publish(t.Context(), w.volume()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a first mount: %v", err)
	}
}

func TestAClassCannotTurnOnWhatTheOperatorTurnedOff(t *testing.T) {
	timed(t, func(w *world) {
		w.class.Spec.Parameters[secretsstore.ParamRotation] = "5s"
		w.must(w.volume())
		w.pass(time.Hour)
		w.expect(1, "with rotation off")
	}, func(c *Config) { c.Interval = Never })
}
