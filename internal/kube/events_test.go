package kube

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/internal/kube/kubefake"
)

var (
	podX = About{"v1", "Pod", "shop", "x", "ux"}
	podY = About{"v1", "Pod", "shop", "y", "uy"}
)

// written brings everything told so far to the server: what a process that is told to stop does.
func written(t *testing.T, e *Events) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
}

// events are what the server has: "reason: message xcount".
func (w *world) events() (list []string) {
	for _, o := range w.List("events") {
		list = append(list, fmt.Sprintf("%v: %v x%v", o["reason"], o["message"], o["count"]))
	}
	return list
}

func TestAnEventSaysWhatHappenedToWhom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.client.Events("csi-secrets-store-rotation")
	e.Event(podX, true, "MountRotationFailed", "vault is down")
	e.Event(About{APIVersion: "v1", Kind: "Node", Name: "n1"}, false, "Ready", "ready")
	written(t, e)
	all := w.List("events")
	if len(all) != 2 {
		t.Fatalf("%d events", len(all))
	}
	if m := all[0]["metadata"].(kubefake.Object); m["namespace"] != "default" || !strings.HasPrefix(m["name"].(string), "n1.") || all[0]["type"] != "Normal" {
		t.Errorf("about a node: %v", all[0])
	}
	o := all[1]
	involved, source := o["involvedObject"].(kubefake.Object), o["source"].(kubefake.Object)
	if o["type"] != "Warning" || o["reason"] != "MountRotationFailed" || o["message"] != "vault is down" || o["count"] != float64(1) ||
		source["component"] != "csi-secrets-store-rotation" || involved["uid"] != "ux" || involved["kind"] != "Pod" || involved["name"] != "x" ||
		o["firstTimestamp"] != "2030-01-02T03:04:05Z" || o["lastTimestamp"] != o["firstTimestamp"] {
		t.Errorf("about a pod: %v", o)
	}
}

func TestTheSameAgainIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.client.Events("c")
	for range 3 {
		e.Event(podX, true, "Failed", "m")
		w.clock.Advance(time.Second)
	}
	e.Event(podX, true, "Failed", "another")
	e.Event(podY, true, "Failed", "m")
	written(t, e)
	if got := strings.Join(w.events(), ", "); got != "Failed: m x3, Failed: another x1, Failed: m x1" {
		t.Error(got)
	}
	if first := w.List("events")[0]; first["firstTimestamp"] != "2030-01-02T03:04:05Z" || first["lastTimestamp"] != "2030-01-02T03:04:07Z" {
		t.Errorf("%v", first)
	}
	w.Delete("events", "shop", w.List("events")[0]["metadata"].(kubefake.Object)["name"].(string)) // an hour later
	e.Event(podX, true, "Failed", "m")
	written(t, e)
	if got := w.events(); len(got) != 3 || slices.Contains(got, "Failed: m x4") {
		t.Errorf("after its end: %q", got)
	}
}

func TestOneObjectCannotFloodTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.client.Events("c")
	for range 3 * eventBurst {
		e.Event(podX, true, "Failed", "m")
	}
	e.Event(podY, true, "Failed", "m")
	written(t, e)
	if n := w.Writes(); n != eventBurst+1 {
		t.Errorf("%d writes", n)
	}
	w.clock.Advance(eventRefill)
	e.Event(podX, true, "Failed", "m")
	e.Event(podX, true, "Failed", "m")
	written(t, e)
	if got := strings.Join(w.events(), ", "); got != fmt.Sprintf("Failed: m x%d, Failed: m x1", 3*eventBurst+1) || w.Writes() != eventBurst+2 {
		t.Errorf("%s in %d writes", got, w.Writes())
	}
}

func TestAFullQueueBlocksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.client.Events("c")
	for i := range queued + 7 {
		e.Event(About{"v1", "Pod", "shop", fmt.Sprint(i), fmt.Sprint(i)}, true, "Failed", "m")
	}
	written(t, e)
	if lines := w.log.loud(); len(lines) != 1 || lines[0] != "events were dropped, because too many waited count=7" {
		t.Errorf("%q", lines)
	}
}

func TestAnEventWaitsForTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Fail(kubefake.Fault{Resource: "events", Times: 1, Status: http.StatusServiceUnavailable})
	w.Fail(kubefake.Fault{Resource: "events", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: 30})
	e := w.client.Events("c")
	e.Event(podX, true, "Failed", "m")
	running(t, e.Run)
	w.clock.BlockUntil(1)
	w.clock.Advance(eventPause)
	w.clock.BlockUntil(1)
	w.clock.Advance(30 * time.Second)
	if !w.Await(t.Context(), func() bool { return len(w.List("events")) == 1 }) || len(w.log.loud()) != 0 {
		t.Errorf("log %q", w.log.loud())
	}
}

func TestAnEventThatMayNotBeWrittenIsOneLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Deny("create", "events")
	e := w.client.Events("c")
	for i := range 5 {
		e.Event(podX, true, "Failed", fmt.Sprint(i))
	}
	written(t, e)
	if lines := w.log.loud(); len(lines) != 1 || !strings.Contains(lines[0], "create events in namespace shop") {
		t.Errorf("%q", lines)
	}
	w.Heal()
	e.Event(podX, true, "Failed", "last")
	written(t, e)
	if got := w.events(); len(got) != 1 || got[0] != "Failed: last x1" {
		t.Errorf("%q", got)
	}
}

func TestLongMessagesAreCutAndLongNamesFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.client.Events("c")
	e.Event(About{"v1", "Pod", "shop", strings.Repeat("x", 253), "u"}, true, "Failed", strings.Repeat("ü", 1000))
	written(t, e)
	o := w.List("events")[0]
	if m := o["message"].(string); len(m) > longestMessage || !strings.HasSuffix(m, "ü...") {
		t.Errorf("%d bytes", len(m))
	}
	if name := o["metadata"].(kubefake.Object)["name"].(string); len(name) > 253 {
		t.Errorf("a name of %d bytes", len(name))
	}
}

func TestWhatIsRememberedHasABound(t *testing.T) {
	t.Parallel()
	m := newMemory()
	at := time.Unix(0, 0)
	for i := range 3 * remembered {
		at = at.Add(time.Second)
		o := occurrence{about: About{Name: fmt.Sprint(i)}, at: at}
		m.note(o)
		m.allowed(o)
	}
	if len(m.told) != remembered || len(m.objects) != remembered {
		t.Errorf("%d events, %d objects", len(m.told), len(m.objects))
	}
	if t0 := m.note(occurrence{about: About{Name: fmt.Sprint(3*remembered - 1)}, at: at}); t0.count != 2 {
		t.Error("the latest was forgotten")
	}
}
