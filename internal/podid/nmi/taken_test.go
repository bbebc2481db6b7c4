package nmi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/nmi"
)

// Whoever may write assignments in a namespace of their own makes none for pods of others, nor one that says it is of
// another namespace's identity; what is where MIC puts it counts.
func TestAssignmentsCountOnlyWhereMICPutsThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object, pod, identity string // namespaces
		forced                bool
		status                int // 503: it is bound, and MIC may be about to assign it
	}{
		"where most are":                             {"default", "shop", "shop", false, 200},
		"of another namespace's binding":             {"default", "shop", "team", false, 200},
		"of an identity that keeps to its namespace": {"shop", "shop", "shop", false, 200},
		"the same, forced":                           {"shop", "shop", "shop", true, 200},
		"of a MIC that is not told to force":         {"default", "shop", "shop", true, 200},
		"made for others' pods":                      {"team", "shop", "team", false, 503},
		"made for others' pods in their name":        {"team", "shop", "shop", false, 503},
		"made in their name, forced":                 {"team", "shop", "shop", true, 503},
		"said to be another's identity":              {"shop", "shop", "team", false, 503},
		"forced, of another namespace":               {"default", "shop", "team", true, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alsoBound, func(w *world) { w.config.ForceNamespaced, w.config.Settle = c.forced, -1 })
			p := w.pod(1, c.pod, "web", "web")
			w.bind(w.identity(c.identity, "one"), "web")
			w.assign(p, w.identity(c.identity, "one"), aadpodidentity.Assigned)
			w.mu.Lock()
			w.assigned[0].Namespace = c.object
			w.mu.Unlock()
			answer := w.later(func() reply { return w.token(1, "") })
			switch c.status {
			case 200:
				w.holds(answer(), "one")
				return
			case 503:
				w.clock.BlockUntil(1)
				w.clock.Advance(100 * time.Second)
			}
			w.refuses(answer(), c.status)
		})
	}
}

// An assignment that nobody has bound, for another namespace than its own, is none where identities keep to theirs: it may
// have been made by whoever writes in the namespace default.
func TestAForcedNamespaceIsNotTakenAtItsWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, alsoBound, func(w *world) { w.config.ForceNamespaced, w.config.Settle = true, -1 })
	w.assign(w.pod(1, "shop", "web", "web"), w.identity("shop", "one"), aadpodidentity.Assigned)
	w.holds(w.token(1, ""), "one") // MIC knows why
	w.mu.Lock()
	w.assigned[0].Namespace = "default"
	w.mu.Unlock()
	w.refuses(w.token(1, ""), 404, "no AzureIdentityBinding of namespace shop")
}

// What was unbound, deleted or edited is lost at that moment, whether or not there is a MIC to take the assignment back.
func TestWhatIsUnboundIsLostWithoutMIC(t *testing.T) {
	t.Parallel()
	binding := func(w *world) *aadpodidentity.Binding { return &w.bindings[0] }
	identity := func(w *world) *aadpodidentity.Identity { return &w.identities[0] }
	for name, c := range map[string]struct {
		change func(*world)
		status int // 200 keeps its token; 503 is bound to something that MIC has yet to assign
		words  string
	}{
		"the binding is deleted": {func(w *world) {
			w.bindings, w.gone = nil, map[string]bool{"binding shop/one-binding": true}
		}, 404, "no AzureIdentityBinding"},
		"the identity is deleted": {func(w *world) {
			w.identities, w.gone = nil, map[string]bool{"identity shop/one": true}
		}, 404, `names AzureIdentity "one", which does not exist`},
		"the selector is another":     {func(w *world) { binding(w).Selector = "other" }, 404, "no AzureIdentityBinding"},
		"the binding is of another":   {func(w *world) { binding(w).AzureIdentity = "two" }, 404, `"two", which does not exist`},
		"the identity became another": {func(w *world) { *identity(w) = w.renamed("two", "one") }, 503, "is not assigned"},
		"it states another client id": {func(w *world) { identity(w).ClientID = w.principal("two").ClientID }, 503, "is not assigned"},
		"it became a principal":       {func(w *world) { identity(w).Type = aadpodidentity.ServicePrincipal }, 503, "is not assigned"},
		"it keeps to its namespace":   {func(w *world) { identity(w).Annotations = namespacedOnly }, 200, ""},
		"it says so by another word": {func(w *world) {
			identity(w).Annotations = map[string]string{aadpodidentity.AnnotationBehavior: "Namespaced"}
		}, 200, ""},
		"another binding gives it too": {func(w *world) {
			w.bindings[0].Name, w.gone = "second", map[string]bool{"binding shop/one-binding": true}
		}, 200, ""},
		"they were never seen": {func(w *world) { w.bindings, w.identities = nil, nil }, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alsoBound)
			w.bind(w.identity("shop", "one"), "web")
			w.assign(w.pod(1, "shop", "web", "web"), w.identity("shop", "one"), aadpodidentity.Assigned)
			w.holds(w.token(1, ""), "one")
			w.mu.Lock()
			c.change(w)
			w.mu.Unlock()
			w.boundTold()
			byPod, byHost := w.later(func() reply { return w.token(1, "") }), w.later(func() reply { return w.host("shop", "web", "") })
			switch c.status {
			case 200:
				w.holds(byPod(), "one")
				w.belongs(hostToken(t, byHost()), "one")
				return
			case 503:
				w.clock.BlockUntil(2)
				w.clock.Advance(100 * time.Second)
			}
			w.refuses(byPod(), c.status, c.words)
			w.refuses(byHost(), c.status, c.words)
		})
	}
	elsewhere := newWorld(t, alsoBound)
	elsewhere.bind(elsewhere.identity("team", "one"), "web")
	elsewhere.assign(elsewhere.pod(1, "shop", "web", "web"), elsewhere.identity("team", "one"), aadpodidentity.Assigned)
	elsewhere.holds(elsewhere.token(1, ""), "one")
	elsewhere.mu.Lock()
	elsewhere.identities[0].Annotations = namespacedOnly
	elsewhere.mu.Unlock()
	elsewhere.refuses(elsewhere.token(1, ""), 403, "AzureIdentity team/one", "keeps to pods of its own namespace")
}

var namespacedOnly = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}

// renamed is an emulated identity under another's name.
func (w *world) renamed(of, name string) aadpodidentity.Identity {
	i := w.identity("shop", of)
	i.Name = name
	return i
}

// A token that took its time is handed out only when the pod may still have it and is still who asked.
func TestWhatIsLostWhileATokenIsAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, p nmi.Pod)
		status int
		host   int
		words  string
	}{
		"nothing":        {func(*world, nmi.Pod) {}, 200, 200, ""},
		"the assignment": {func(w *world, _ nmi.Pod) { w.assigned = nil }, 503, 503, "lost AzureIdentity shop/one"},
		"the label":      {func(w *world, p nmi.Pod) { p.Labels = nil; w.pods[at(1)] = []nmi.Pod{p} }, 503, 503, "lost AzureIdentity shop/one"},
		"the pod":        {func(w *world, _ nmi.Pod) { w.pods = map[netip.Addr][]nmi.Pod{} }, 403, 403, "the pod is gone"},
		"its name":       {func(w *world, p nmi.Pod) { p.UID = "another"; w.pods[at(1)] = []nmi.Pod{p} }, 403, 403, "the pod is gone"},
		"its life":       {func(w *world, p nmi.Pod) { p.Finished = true; w.pods[at(1)] = []nmi.Pod{p} }, 403, 403, "the pod is gone"},
		"its address":    {func(w *world, p nmi.Pod) { w.pods = map[netip.Addr][]nmi.Pod{at(2): {p}} }, 503, 200, "no longer its own"},
		"it, to a neighbor": {func(w *world, p nmi.Pod) {
			w.pods = map[netip.Addr][]nmi.Pod{at(1): {{Name: "x", UID: "x"}}, at(2): {p}}
		}, 503, 200, "no longer its own"},
		"it, to a successor": {func(w *world, p nmi.Pod) {
			p.Deleting = true
			w.pods[at(1)] = []nmi.Pod{p, {Name: "x", UID: "x"}}
		}, 503, 200, "no longer its own"},
		"its future": {func(w *world, p nmi.Pod) { p.Deleting = true; w.pods[at(1)] = []nmi.Pod{p} }, 200, 200, ""},
	} {
		for _, host := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, m := withMetadata(t)
				p, _ := w.named("shop", "web")
				ask, status := func() reply { return w.token(1, "") }, c.status
				if host {
					ask, status = func() reply { return w.host("shop", "web", "") }, c.host
				}
				says := func(rw http.ResponseWriter, _ *http.Request) {
					w.mu.Lock()
					c.change(w, p)
					w.mu.Unlock()
					_, _ = rw.Write([]byte(w.success()))
				}
				m.answer.Store(&says)
				r := ask()
				if status == http.StatusOK {
					if r.status != status {
						t.Errorf("%d %s", r.status, r.body)
					}
					return
				}
				if strings.Contains(r.body, "the.access.token") {
					t.Errorf("a token: %s", r.body)
				}
				if w.refuses(r, status, c.words); (r.header.Get("Retry-After") == "1") != (status == 503) {
					t.Errorf("%v", r.header)
				}
			})
		}
	}
}
