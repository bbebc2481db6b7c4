package nmi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/nmi"
)

func newLocal(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// meter is told of answers.
type meter chan answeredFor

type answeredFor struct {
	operation, namespace, resource string
	status                         int
}

func (m meter) Answered(operation, namespace, resource string, status int, _ time.Duration) {
	m <- answeredFor{operation, namespace, resource, status}
}
func (meter) AskedIMDS(time.Duration, error)  {}
func (meter) AskedEntra(time.Duration, error) {}
func (meter) SecretUnread()                   {}

// An assignment that arrives answers the request that waits for it; time does not have to pass.
func TestAnAssignmentWakes(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*world, nmi.Pod){
		"nothing was known": func(*world, nmi.Pod) {},
		"it was created":    func(w *world, p nmi.Pod) { w.assign(p, w.identity("shop", "one"), aadpodidentity.Created) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.pod(1, "shop", "web", "web")
			before(w, p)
			byPod := w.later(func() reply { return w.token(1, "") })
			byHost := w.later(func() reply { return w.host("shop", "web", "") })
			w.clock.BlockUntil(2)
			w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
			w.holds(byPod(), "one")
			if r := byHost(); r.status != http.StatusOK {
				t.Errorf("host: %d %s", r.status, r.body)
			}
		})
	}
}

// How long is waited follows from the original's flags, and the words at its end are the original's (acceptance list 57).
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	const unknown = "getting assigned identities for pod shop/web in CREATED state failed after 16 attempts, retry duration [5]s"
	const created = "getting assigned identities for pod shop/web in ASSIGNED state failed after 20 attempts, retry duration [5]s"
	for name, c := range map[string]struct {
		created bool
		change  func(*world)
		bound   time.Duration
		status  int
		again   string
		words   string
	}{
		"nothing is known":             {false, nil, 80 * time.Second, 404, "", unknown},
		"created and no further":       {true, nil, 100 * time.Second, 503, "20", created},
		"nothing is known, come back":  {false, early, time.Second, 503, "20", "in CREATED state failed after 1 attempts, retry duration [1]s"},
		"created, come back":           {true, early, 2 * time.Second, 503, "20", "in ASSIGNED state failed after 2 attempts, retry duration [1]s"},
		"bound, and MIC has not begun": {false, alsoBound, 100 * time.Second, 503, "20", created},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(w *world) {
				if c.change != nil {
					c.change(w)
				}
			})
			p := w.pod(1, "shop", "web", "web")
			if c.created {
				w.assign(p, w.identity("shop", "one"), aadpodidentity.Created)
			}
			if w.config.Bindings != nil {
				w.bind(w.identity("shop", "one"), "web")
			}
			answer := w.later(func() reply { return w.token(1, "") })
			w.clock.BlockUntil(1)
			w.clock.Advance(c.bound - time.Millisecond)
			w.assignedTold("shop", "web") // it looks again, and goes on waiting
			w.clock.BlockUntil(1)
			w.clock.Advance(time.Millisecond)
			r := answer()
			w.refuses(r, c.status, c.words, "kubectl")
			if r.header.Get("Retry-After") != c.again {
				t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
			}
		})
	}
}

func early(w *world) {
	w.config.EarlyRetryAfter = true
	w.config.Retry = nmi.Retry{Created: 1, Assigned: 1, Interval: time.Second}
}

func alsoBound(w *world) { w.config.Bindings = bindingsOf{w.cluster} }

// A client that comes back after 503 gets its token once it is there (acceptance list 27).
func TestComingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, early)
	p := w.pod(1, "shop", "web", "web")
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(time.Second)
	w.refuses(answer(), 503)
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.holds(w.token(1, ""), "one")
}

// What cannot come is refused without waiting, and without asking the client to come back (defect 20).
func TestPermanentRefusalsComeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, early, alsoBound)
	w.pod(1, "shop", "plain", "")
	w.pod(2, "shop", "unbound", "nobody")
	w.bind(w.identity("shop", "one"), "web")
	w.bind(w.identity("shop", "two"), "api")
	p := w.pod(3, "shop", "web", "web")
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	q := w.pod(4, "shop", "api", "api")
	w.assign(q, w.identity("shop", "two"), aadpodidentity.Created)
	for what, r := range map[string]reply{
		"no label":                       w.token(1, ""),
		"no binding":                     w.token(2, ""),
		"another client id":              w.token(3, query("client_id", w.principal("two").ClientID)),
		"another object id":              w.token(3, query("object_id", w.principal("two").ObjectID)),
		"another client id than coming":  w.token(4, query("client_id", w.principal("one").ClientID)),
		"another resource id, host":      w.host("shop", "web", query("msi_res_id", w.principal("two").ResourceID)),
		"no label, host":                 w.host("shop", "plain", ""),
		"an identity of another's, host": w.host("shop", "web", query("client_id", "x")),
	} {
		w.refuses(r, 404)
		if r.header.Get("Retry-After") != "" {
			t.Errorf("%s: told to come back", what)
		}
	}
}

// A pod that was created together with its binding is not told that there is none.
func TestYoungPodsAreGivenTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, managed)
	w.pod(1, "shop", "web", "web", func(p *nmi.Pod) { p.Created = w.clock.Now().Add(-time.Second) })
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.bind(w.identity("shop", "one"), "web")
	w.holds(answer(), "one")

	answer = w.later(func() reply { return w.token(1, query("client_id", w.principal("two").ClientID)) })
	w.clock.BlockUntil(1)
	w.clock.Advance(4 * time.Second)
	w.refuses(answer(), 404, "it may use shop/one")
}

// Whoever hangs up is not waited for.
func TestAClientThatGoesEndsItsWait(t *testing.T) {
	t.Parallel()
	answered := make(meter, 1)
	w := newWorld(t, func(w *world) { w.config.Meter = answered })
	w.pod(1, "shop", "web", "web")
	ctx, hangUp := context.WithCancel(t.Context())
	answer := w.later(func() reply { return w.send(ctx, 1, tokenPath+"?resource="+vault, "Metadata: true") })
	w.clock.BlockUntil(1)
	hangUp()
	answer()
	if got := <-answered; got.namespace != "shop" {
		t.Errorf("answered %+v", got)
	}
}

// Losing the label, the assignment or the pod's life loses the identity, at the next request (acceptance list 3-5, 10).
func TestWhatIsTakenBack(t *testing.T) {
	t.Parallel()
	w := one(t)
	w.holds(w.token(1, ""), "one")
	p, _ := w.named("shop", "web")
	w.mu.Lock()
	p.Labels = map[string]string{aadpodidentity.LabelBinding: "other"}
	w.pods[at(1)] = []nmi.Pod{p}
	w.mu.Unlock()
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.assign(p, w.identity("shop", "two"), aadpodidentity.Assigned) // for the new label value
	w.holds(answer(), "two")
	w.refuses(w.token(1, query("client_id", w.principal("one").ClientID)), 404)

	w.assign(p, w.identity("shop", "two"), aadpodidentity.Unassigned)
	answer = w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(80 * time.Second)
	w.refuses(answer(), 404, "no AzureAssignedIdentity")
}

// Before the watches have seen everything nobody is refused for what they have not seen, but asked to come back.
func TestBeforeTheWatchesHaveSeenAll(t *testing.T) {
	t.Parallel()
	w := one(t, func(w *world) { w.config.Settle = 50 * time.Millisecond })
	w.unsynced.Store(true)
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.unsynced.Store(false)
	w.clock.Advance(50 * time.Millisecond)
	w.holds(answer(), "one")

	w.unsynced.Store(true)
	answer = w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(50 * time.Millisecond)
	if r := answer(); r.status != 503 || r.header.Get("Retry-After") != "2" {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// A pod that is quicker than the watch is waited for (acceptance list 60; complaint 11).
func TestAPodThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	p := w.pod(1, "shop", "web", "web")
	w.clock.BlockUntil(1)
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.holds(answer(), "one")

	answer = w.later(func() reply { return w.token(9, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(5 * time.Second)
	w.refuses(answer(), 403, "127.0.1.9", "failed to match pod IP", "node-1")
}
