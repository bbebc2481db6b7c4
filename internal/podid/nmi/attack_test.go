package nmi_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/secret"
)

// Each pod has one identity; whatever a pod asks, by whatever name, it never gets a token of another's.
func TestNobodyGetsAnothersIdentity(t *testing.T) {
	t.Parallel()
	for mode, change := range map[string]func(*world){"standard": func(*world) {}, "managed": managed} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, change)
			for n, name := range []string{"one", "two"} {
				p := w.pod(n+1, "shop", "pod-of-"+name, name)
				w.bind(w.identity("shop", name), name)
				w.assign(p, w.identity("shop", name), aadpodidentity.Assigned)
			}
			w.bind(w.identity("shop", "elsewhere"), "nobodys") // bound to no pod
			var asks []string
			for _, name := range []string{"one", "two", "kubelet", "elsewhere", "node-1", "app"} {
				p := w.principal(name)
				asks = append(asks, "&client_id="+query("client_id", p.ClientID), query("client_id", p.ObjectID)+query("object_id", p.ObjectID))
				for _, parameter := range []string{"client_id", "object_id", "msi_res_id", "mi_res_id", "principal_id", "client%5fid", "CLIENT_ID"} {
					for _, id := range []string{p.ClientID, p.ObjectID, p.ResourceID} {
						asks = append(asks, query(parameter, id))
					}
				}
			}
			for n, name := range []string{"one", "two"} {
				for _, more := range asks {
					r := w.token(n+1, more)
					if r.status == http.StatusOK {
						w.holds(r, name)
					} else {
						w.refuses(r, http.StatusNotFound, "it may use shop/"+name)
					}
					if r := w.host("shop", "pod-of-"+name, more); r.status == http.StatusOK {
						w.belongs(hostToken(t, r), name)
					}
				}
			}
		})
	}
}

func hostToken(t *testing.T, r reply) string {
	t.Helper()
	var got struct {
		Token struct {
			AccessToken string `json:"access_token"`
		} `json:"token"`
	}
	must(t, json.Unmarshal([]byte(r.body), &got))
	return got.Token.AccessToken
}

// No header makes a pod another, or the node.
func TestHeadersDoNotSayWhoAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pod(1, "shop", "web", "web")
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.pod(2, "shop", "thief", "")
	for _, header := range []string{
		"X-Forwarded-For: 127.0.1.1", "X-Real-Ip: 127.0.1.1", "Forwarded: for=127.0.1.1", "X-Client-Ip: 127.0.1.1", "True-Client-Ip: 127.0.1.1",
		"Via: 1.1 127.0.1.1", "X-Forwarded-For: 127.0.0.1", "Remote-Addr: 127.0.1.1", "X-Original-Forwarded-For: 127.0.1.1",
	} {
		w.refuses(w.ask(2, tokenPath+"?resource="+vault, header, "podns: shop", "podname: web"), 404, "shop/thief")
		w.refuses(w.ask(2, "/host/token?resource="+vault, header, "podns: shop", "podname: web"), 403, "not from a host")
	}
}

// The host endpoint answers the node's two loopback addresses and no other of that net; pods of the node's network get
// nothing at the pods' endpoint (complaint 12).
func TestTheNodesOwnAddresses(t *testing.T) {
	t.Parallel()
	w := one(t)
	for n := 1; n < 4; n++ {
		w.refuses(w.ask(n, "/host/token?resource="+vault, "podns: shop", "podname: web"), 403, "not from a host")
	}
	w.refuses(w.token(0, ""), 403, "is the node's own address")
	host := w.pod(5, "shop", "on-the-host", "web", func(p *nmi.Pod) { p.HostNetwork = true })
	w.assign(host, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.refuses(w.token(5, ""), 403, "node's own address")
	if r := w.host("shop", "on-the-host", ""); r.status != http.StatusOK { // by name it is one pod
		t.Errorf("%d %s", r.status, r.body)
	}
}

// Of the pods that have had an address the one that runs has it; where two run, neither gets anything (complaint 11).
func TestReusedAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.pod(1, "shop", "before", "web", func(p *nmi.Pod) { p.Finished = true })
	w.assign(before, w.identity("shop", "one"), aadpodidentity.Assigned)
	leaving := w.pod(1, "shop", "leaving", "web", func(p *nmi.Pod) { p.Deleting = true })
	w.assign(leaving, w.identity("shop", "one"), aadpodidentity.Assigned)
	// Alone at its address, a pod that is being deleted goes on for its last moments, once no successor has shown itself.
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(time.Second)
	w.holds(answer(), "one")
	// A successor that is quicker than the watch gets its own identity.
	answer = w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	now := w.pod(1, "shop", "now", "web")
	w.clock.BlockUntil(1)
	w.assign(now, w.identity("shop", "two"), aadpodidentity.Assigned)
	w.holds(answer(), "two")

	// While a pod of the node has no address yet that is known, it may be the one that asks, and is waited for longer.
	gone := w.pod(2, "shop", "gone", "web", func(p *nmi.Pod) { p.Deleting = true })
	w.assign(gone, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.starting.Store(true)
	for _, comes := range []bool{false, true} {
		answer = w.later(func() reply { return w.token(2, "") })
		w.clock.BlockUntil(1)
		w.clock.Advance(5*time.Second - time.Millisecond)
		if w.clock.BlockUntil(1); !comes {
			w.clock.Advance(time.Millisecond)
			w.holds(answer(), "one")
			continue
		}
		w.assign(nmi.Pod{Namespace: "shop", Name: "late", Labels: now.Labels}, w.identity("shop", "two"), aadpodidentity.Assigned)
		w.pod(2, "shop", "late", "web")
		w.holds(answer(), "two")
	}

	w.pod(1, "shop", "also-now", "web")
	answer = w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	w.clock.Advance(5 * time.Second)
	r := answer()
	if w.refuses(r, 503, "several running pods"); r.header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", r.header)
	}
	w.refuses(w.host("shop", "before", ""), 404, "the pod has ended")
}

// While a pod waits, another of its name may take its place: it gets nothing of what is assigned then.
func TestAPodThatIsReplacedWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pod(1, "shop", "web-0", "web")
	answer := w.later(func() reply { return w.token(1, "") })
	w.clock.BlockUntil(1)
	next := nmi.Pod{Namespace: "shop", Name: "web-0", UID: "another", Labels: map[string]string{aadpodidentity.LabelBinding: "web"}}
	w.mu.Lock()
	w.pods = map[netip.Addr][]nmi.Pod{at(2): {next}}
	w.mu.Unlock()
	w.assign(next, w.identity("shop", "one"), aadpodidentity.Assigned)
	w.refuses(answer(), 403, "the pod is gone")
	w.holds(w.token(2, ""), "one")
}

// An AzureIdentity that states another's client id, none, or an identity that the operator keeps from pods gives no token
// (defect 19).
func TestConfusedDeputies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubelet := w.principal("kubelet")
	w.config.Refused = []string{}
	fooling := w.identity("shop", "one")
	fooling.ClientID = kubelet.ClientID
	w.assign(w.pod(1, "shop", "fooling", "a"), fooling, aadpodidentity.Assigned)
	w.refuses(w.token(1, ""), 403, "states client id "+kubelet.ClientID, w.principal("one").ClientID, "az identity show")
	w.refuses(w.host("shop", "fooling", ""), 403)

	nameless := w.identity("shop", "one")
	nameless.ClientID = ""
	w.assign(w.pod(2, "shop", "nameless", "b"), nameless, aadpodidentity.Assigned)
	w.refuses(w.token(2, ""), 403, "states no client id")

	groundless := w.identity("shop", "one")
	groundless.ResourceID = ""
	w.assign(w.pod(3, "shop", "groundless", "c"), groundless, aadpodidentity.Assigned)
	w.refuses(w.token(3, ""), 403, "states no resource id")

	odd := w.identity("shop", "one")
	odd.Type = 7
	w.assign(w.pod(4, "shop", "odd", "d"), odd, aadpodidentity.Assigned)
	w.refuses(w.token(4, ""), 403, "unsupported identity type 7")
	if r := w.host("shop", "fooling", ""); r.status == http.StatusOK {
		t.Error("the host endpoint was fooled")
	}

	for _, refused := range []func(*world) string{
		func(w *world) string { return strings.ToUpper(w.principalOf("kubelet").ClientID) },
		func(w *world) string { return strings.ToUpper(w.principalOf("kubelet").ResourceID) + "/" },
	} {
		kept := newWorld(t, func(w *world) { w.config.Refused = []string{refused(w)} })
		p, id := kept.pod(1, "shop", "web", "web"), kept.principal("kubelet").ResourceID
		for _, spelled := range []string{id, " " + id, id + " ", id + "// ", strings.ToUpper(id), "\t" + id + "/", "x" + id, "/" + id, id + "?x", id + "%20", strings.Replace(id, "/", "//", 2)} {
			i := kept.identity("shop", "kubelet")
			i.ResourceID = spelled
			kept.assign(p, i, aadpodidentity.Assigned)
			kept.refuses(kept.token(1, ""), 403)
		}
		if kept.imdsCalls() != 0 {
			t.Error("the metadata service was asked")
		}
	}
}

func (w *world) principalOf(name string) principalIDs {
	p, _ := w.azure.Directory().Find(name)
	return principalIDs{p.ClientID, p.ResourceID}
}

type principalIDs struct{ ClientID, ResourceID string }

// An authority that somebody made up is not asked, whatever a service principal's adEndpoint says.
func TestAForeignAuthorityIsNotAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.config.Authorities = nil })
	asked := false
	foreign := newLocal(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	w.secrets["shop/creds"] = map[string]secret.Value{"clientSecret": secret.NewValue([]byte(planted))}
	for n, endpoint := range []string{foreign, w.azure.Endpoints().Authority, "https://login.microsoftonline.com.evil.example/", "https://login.microsoftonline.com/evil", "https://u@login.microsoftonline.com", "::"} {
		i := principalIdentity(endpoint)
		w.assign(w.pod(n+1, "shop", string(rune('a'+n)), "x"), i, aadpodidentity.Assigned)
		w.refuses(w.token(n+1, ""), 403, "adEndpoint")
	}
	if asked {
		t.Error("the authority was asked")
	}
}

func principalIdentity(endpoint string) aadpodidentity.Identity {
	return aadpodidentity.Identity{
		Meta: aadpodidentity.Meta{Namespace: "shop", Name: "sp"}, Type: aadpodidentity.ServicePrincipal, ClientID: app, TenantID: tenant,
		ADEndpoint: endpoint, ClientPassword: aadpodidentity.SecretRef{Namespace: "shop", Name: "creds"},
	}
}

// One pod that fills its places keeps nobody else out, and connections beyond a bound are closed.
func TestOnePodDoesNotStarveOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.config.PerPod = 3 })
	w.pod(1, "shop", "greedy", "web")
	p := w.pod(2, "shop", "web", "web")
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	var waits errgroup.Group
	for range 3 {
		waits.Go(func() error { w.refuses(w.token(1, ""), 404); return nil })
	}
	w.clock.BlockUntil(3)
	r := w.token(1, "")
	if w.refuses(r, http.StatusTooManyRequests); r.header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", r.header)
	}
	w.holds(w.token(2, ""), "one")
	w.clock.Advance(80 * time.Second)
	must(t, waits.Wait())
}

// A token never shows up where it was not asked for: in texts, or in another's answer.
func TestTokensAreForTheOneWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := token.New(token.Config{Direct: w.config.Direct, Clock: w.clock, NMI: w.base})
	var group errgroup.Group
	for n, name := range []string{"one", "two"} {
		p := w.pod(n+1, "shop", "pod-of-"+name, name)
		w.assign(p, w.identity("shop", name), aadpodidentity.Assigned)
		for range 20 {
			group.Go(func() error { w.holds(w.token(n+1, ""), name); return nil })
			group.Go(func() error {
				got, err := client.Pod(t.Context(), token.Target{Resource: vault}, secret.Pod{Namespace: "shop", Name: "pod-of-" + name})
				if err == nil {
					w.belongs(string(got.Value.Reveal()), name)
				}
				return err
			})
		}
	}
	must(t, group.Wait())
	if got := w.imdsCalls(); got != 2 {
		t.Errorf("%d calls of the metadata service for two identities", got)
	}
}
