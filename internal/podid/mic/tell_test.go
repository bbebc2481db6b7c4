package mic_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Somebody else's write to a machine passes by itself: people are told of it only when it lasts.
func TestAnotherWriterIsNoNewsUnlessItLasts(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p0", "a", "pool-0")
		conflicts := 1
		w.azure.fault = func(method, path string) *http.Response {
			if method == http.MethodPatch && strings.HasSuffix(path, "/pool") && conflicts > 0 {
				conflicts--
				return answers(409, "Conflict", "another operation")
			}
			return nil
		}
		w.lead()
		w.wait(8 * time.Second)
		if got := w.condition("AzureIdentity team/a Attached"); !strings.HasPrefix(got, "False Waiting") {
			t.Errorf("while it is tried again the identity says %q", got)
		}
		w.wait(updateTime)
		w.expect("p0 a pool-0 Assigned")
		if events := strings.Join(w.told(), "\n"); strings.Contains(events, "warning=true") {
			t.Errorf("a passing conflict is told:\n%s", events)
		}

		w.azure.set(func() { conflicts = 2 })
		w.start("p1", "b", "pool-0")
		w.wait(6 * time.Second)
		if got := w.condition("AzureIdentity team/b Attached"); !strings.HasPrefix(got, "False Refused") {
			t.Errorf("after the second the identity says %q", got)
		}
		w.wait(updateTime + 10*time.Second)
		w.expect("p0 a pool-0 Assigned; p1 b pool-0 Assigned")
		if events := strings.Join(w.told(), "\n"); !strings.Contains(events, "AzureIdentityBinding team/b warning=true binding apply error") {
			t.Errorf("a conflict that lasts is not told:\n%s", events)
		}
	})
}

// A machine that Azure wants left alone for a minute is told of before the next attempt.
func TestALongPauseIsTold(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p0", "a", "pool-0")
		w.azure.fault = func(method, _ string) *http.Response {
			if method == http.MethodPatch {
				return answers(429, "TooManyRequests", "too many", "Retry-After", "300")
			}
			return nil
		}
		w.lead()
		w.wait(20 * time.Second)
		if events := strings.Join(w.told(), "\n"); strings.Contains(events, "warning=true") {
			t.Errorf("it is told at once:\n%s", events)
		}
		w.wait(20 * time.Second)
		if events := strings.Join(w.told(), "\n"); !strings.Contains(events, "warning=true binding apply error") {
			t.Errorf("it is not told after 40 s:\n%s", events)
		}
	})
}

// Identities whose objects say already what a new leader finds are not written to.
func TestANewLeaderRepeatsNoStatus(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b", "forbidden")
		for _, name := range []string{"a", "b", "forbidden"} {
			w.start("p-"+name, name, "pool-0")
		}
		w.lead()
		w.wait(time.Minute)
		if !w.statuses("a") || !w.statuses("b") || !w.statuses("forbidden") {
			t.Fatal("no status was written at first")
		}
		w.halt()
		w.mu.Lock()
		w.writes = nil
		w.mu.Unlock()
		w.lead()
		w.wait(time.Minute)
		for _, name := range []string{"a", "b"} {
			if w.statuses(name) {
				t.Errorf("%s was told again what it says", name)
			}
		}
	})
}

// statuses is true when an identity's status was written.
func (w *world) statuses(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.writes {
		if one == "status "+name {
			return true
		}
	}
	return false
}
