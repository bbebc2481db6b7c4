package nmi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/secret"
)

// entitlement is an address, and whose tokens may go there.
type entitlement struct {
	address string
	may     []string
}

// entitled makes pods in all the ways in which an address can be somebody's, or nobody's.
func (w *world) entitled() []entitlement {
	assigned, one, two := aadpodidentity.Assigned, w.identity("shop", "one"), w.identity("shop", "two")
	put := func(address, namespace, name, label string, change ...func(*nmi.Pod)) nmi.Pod {
		p := nmi.Pod{Namespace: namespace, Name: name, UID: namespace + name, Created: time.Now().Add(-time.Hour), Labels: map[string]string{aadpodidentity.LabelBinding: label}}
		for _, c := range change {
			c(&p)
		}
		for _, a := range strings.Fields(address) {
			at := netip.MustParseAddr(a)
			w.pods[at] = append(w.pods[at], p)
		}
		return p
	}
	give := func(p nmi.Pod, i aadpodidentity.Identity, state aadpodidentity.State, change ...func(*aadpodidentity.AssignedIdentity)) {
		a := aadpodidentity.AssignedIdentity{
			Meta: aadpodidentity.Meta{Namespace: "default", Name: p.Namespace + p.Name + i.Name}, Identity: i, State: state, Pod: p.Name, PodNamespace: p.Namespace, Node: "node-1",
			Binding: aadpodidentity.Binding{Selector: p.Labels[aadpodidentity.LabelBinding]},
		}
		for _, c := range change {
			c(&a)
		}
		w.assigned = append(w.assigned, a)
	}
	host := func(p *nmi.Pod) { p.HostNetwork = true }
	give(put("10.0.0.1 fd00::1", "shop", "first", "x"), one, assigned)
	both := put("10.0.0.2", "shop", "both", "x")
	give(both, one, assigned)
	give(both, two, "")
	give(put("10.0.0.3", "shop", "unlabelled", ""), one, assigned)
	put("10.0.0.4", "shop", "unassigned", "x")
	give(put("10.0.0.5", "shop", "coming", "x"), one, aadpodidentity.Created)
	give(put("10.0.0.6", "shop", "before", "x", func(p *nmi.Pod) { p.Finished = true }), one, assigned)
	give(put("10.0.0.6", "shop", "successor", "x"), two, assigned)
	give(put("10.0.0.7", "shop", "rival", "x"), one, assigned)
	give(put("10.0.0.7", "shop", "other-rival", "x"), two, assigned)
	give(put("10.0.0.8", "shop", "on-the-host", "x", host), one, assigned)
	give(put("10.0.0.10", "other", "first", "x"), two, assigned) // a namesake of another's
	kept := two
	kept.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
	give(put("10.0.0.11", "other", "kept-out", "x"), kept, assigned)
	give(put("10.0.0.12", "shop", "relabelled", "x"), one, assigned, func(a *aadpodidentity.AssignedIdentity) { a.Binding.Selector = "y" })
	give(put("10.0.0.13", "shop", "elsewhere", "x"), one, assigned, func(a *aadpodidentity.AssignedIdentity) { a.Node = "node-2" })
	give(put("10.0.0.14", "shop", "over", "x"), one, assigned, func(a *aadpodidentity.AssignedIdentity) { a.Deleting = true })
	give(put("10.0.0.15", "shop", "given-up", "x"), one, aadpodidentity.Unassigned)
	confused := one
	confused.ClientID = w.principal("kubelet").ClientID
	give(put("10.0.0.16", "shop", "confused", "x"), confused, assigned)
	give(put("10.0.0.17", "shop", "forged", "x"), one, assigned, func(a *aadpodidentity.AssignedIdentity) { a.Namespace = "other" })
	give(put("10.0.0.18", "shop", "forged-at-home", "x"), w.identity("other", "one"), assigned, func(a *aadpodidentity.AssignedIdentity) { a.Namespace = "shop" })
	return []entitlement{
		{"10.0.0.1", []string{"one"}}, {"[fd00::1]", []string{"one"}}, {"[::ffff:10.0.0.1]", []string{"one"}}, {"10.0.0.2", []string{"one", "two"}},
		{"10.0.0.6", []string{"two"}}, {"10.0.0.10", []string{"two"}},
		{"10.0.0.3", nil}, {"10.0.0.4", nil}, {"10.0.0.5", nil}, {"10.0.0.7", nil}, {"10.0.0.8", nil}, {"10.0.0.9", nil}, {"10.0.0.11", nil}, {"10.0.0.12", nil},
		{"10.0.0.13", nil}, {"10.0.0.14", nil}, {"10.0.0.15", nil}, {"10.0.0.16", nil}, {"10.0.0.17", nil}, {"10.0.0.18", nil}, {"127.0.0.1", nil}, {"[::1]", nil}, {"127.0.0.2", nil},
		{"[fe80::1%eth0]", nil}, {"0.0.0.0", nil}, {"[::]", nil}, {"[::ffff:127.0.0.1]", nil}, {"169.254.169.254", nil},
	}
}

// wish is a way to name an identity, and whom it names; nobody when the parameter is not one that names.
type wish struct{ query, names string }

func (w *world) wishes() []wish {
	list := []wish{{}, {"&client_id=", ""}, {"&client_id=x", "nobody"}, {"&object_id=x", "nobody"}, {"&bypass_cache=true", ""}}
	for _, name := range []string{"one", "two", "kubelet", "elsewhere", "node-1"} {
		p := w.principal(name)
		for parameter, id := range map[string]string{"client_id": p.ClientID, "object_id": p.ObjectID, "msi_res_id": p.ResourceID, "mi_res_id": p.ResourceID} {
			for _, spelled := range []string{id, strings.ToUpper(id)} {
				list = append(list, wish{"&" + parameter + "=" + url.QueryEscape(spelled), name})
			}
		}
		list = append(list, wish{"&principal_id=" + p.ObjectID, ""}, wish{"&client_id=" + p.ClientID + "&client_id=" + w.principal("one").ClientID, name})
	}
	slices.SortFunc(list, func(a, b wish) int { return strings.Compare(a.query, b.query) })
	return list
}

// Requests at random, from every kind of address and with every way to name an identity, are held against a table of who is
// to get what: whoever is entitled to the identity that is meant gets its token and no other, everybody else none.
func TestWhoShouldGetWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.config.Clock, w.config.Settle, w.config.Retry = clock.Real{}, -1, nmi.Retry{Created: 1, Assigned: 1, Interval: time.Millisecond}
	})
	table, wishes, random := w.entitled(), w.wishes(), rand.New(rand.NewPCG(11, 4))
	handler := w.server.Handler()
	tokens, refusals := map[string]int{}, 0
	for range 4000 {
		who, what := table[random.IntN(len(table))], wishes[random.IntN(len(wishes))]
		r := httptest.NewRequest(http.MethodGet, tokenPath+"?resource="+[]string{vault, storage}[random.IntN(2)]+what.query, nil)
		r.RemoteAddr = fmt.Sprintf("%s:%d", who.address, 1024+random.IntN(60000))
		r.Header.Set("Metadata", "true")
		for _, header := range []string{"X-Forwarded-For", "Podname", "Podns"} {
			if random.IntN(4) == 0 {
				r.Header.Set(header, []string{"10.0.0.1", "first", "shop"}[random.IntN(3)])
			}
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		got := w.holderOf(answer.Body.Bytes())
		want := ""
		if len(who.may) > 0 && (what.names == "" || slices.Contains(who.may, what.names)) {
			if want = what.names; want == "" {
				want = who.may[0] // the first by name
			}
		}
		if got != want {
			t.Fatalf("%s asked %q and got a token of %q, want %q: %d %.300s", who.address, what.query, got, want, answer.Code, answer.Body)
		}
		if got == "" {
			refusals++
		}
		tokens[got]++
	}
	if tokens["one"] < 20 || tokens["two"] < 20 || refusals < 1000 {
		t.Errorf("it proves nothing: %v", tokens)
	}
	// One identity and resource each, beside what was asked anew on purpose and what the confused one made us ask.
	if calls := w.imdsCalls(); calls > 40 {
		t.Errorf("%d questions to the metadata service", calls)
	}
}

// holderOf names whose token an answer holds; empty when it holds none.
func (w *world) holderOf(body []byte) string {
	w.t.Helper()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		if strings.Contains(string(body), "eyJ") {
			w.t.Errorf("a token where none should be: %.100s", body)
		}
		return ""
	}
	holder, _ := token.HolderOf(secret.NewValue([]byte(answer.AccessToken)))
	p, known := w.azure.Directory().Find(holder.ObjectID)
	if !known {
		w.t.Errorf("a token of %+v, who is nobody", holder)
	}
	return p.Name
}
