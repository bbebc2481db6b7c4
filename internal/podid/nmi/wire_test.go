package nmi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/secret"
)

// one makes a world in which pod 1, shop/web, has the identity named one.
func one(t *testing.T, change ...func(*world)) *world {
	t.Helper()
	w := newWorld(t, change...)
	p := w.pod(1, "shop", "web", "web")
	w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
	return w
}

// Every value is a string, the body's length is told, and the lifetime is counted anew for each answer.
func TestAPodsToken(t *testing.T) {
	t.Parallel()
	w := one(t)
	first := w.token(1, "")
	fields := w.holds(first, "one")
	if got := keys(fields); got != "access_token expires_in expires_on not_before refresh_token resource token_type" {
		t.Error("fields", got)
	}
	if fields["resource"] != vault || fields["token_type"] != "Bearer" || fields["refresh_token"] != "" {
		t.Errorf("fields %v", fields)
	}
	for _, number := range []string{"expires_in", "expires_on", "not_before"} {
		if n, err := strconv.Atoi(fields[number]); err != nil || n <= 0 {
			t.Errorf("%s is %q", number, fields[number])
		}
	}
	if first.header.Get("Content-Type") != "application/json" || first.header.Get("Content-Length") != strconv.Itoa(len(first.body)) {
		t.Errorf("headers %v", first.header)
	}
	w.clock.Advance(10 * time.Minute)
	second := w.holds(w.token(1, ""), "one")
	if before, after := number(t, fields["expires_in"]), number(t, second["expires_in"]); before-after != 600 {
		t.Errorf("expires_in was %d and is %d ten minutes later", before, after)
	}
	if w.imdsCalls() != 1 {
		t.Errorf("%d calls of the metadata service", w.imdsCalls())
	}
}

func keys(fields map[string]string) string {
	var list []string
	for _, k := range []string{"access_token", "client_id", "expires_in", "expires_on", "ext_expires_in", "not_before", "refresh_token", "resource", "token_type"} {
		if _, has := fields[k]; has {
			list = append(list, k)
		}
	}
	return strings.Join(list, " ")
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// What a request is refused for before anybody looks at its pod (acceptance list 26, 54, 55).
func TestWhatARequestLacks(t *testing.T) {
	t.Parallel()
	w := one(t)
	bare := w.send(t.Context(), 1, tokenPath+"?resource="+vault)
	if bare.status != 400 || bare.header.Get("Content-Type") != "application/json; charset=utf-8" ||
		bare.body != `{"error":"invalid_request","error_description":"Required metadata header not specified"}`+"\n" {
		t.Errorf("without header: %d %v %q", bare.status, bare.header, bare.body)
	}
	w.refuses(w.send(t.Context(), 1, tokenPath+"?resource="+vault, "Metadata: True"), 400, "Required metadata header")
	for _, target := range []string{tokenPath, tokenPath + "?resource=", tokenPath + "?client_id=x"} {
		r := w.ask(1, target)
		if w.refuses(r, 400); r.body != "parameter resource cannot be empty\n" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v %q", target, r.header, r.body)
		}
	}
	w.refuses(w.ask(1, tokenPath+"?resource="+vault+"%0d%0a"), 400, "printable")
	w.refuses(w.ask(1, tokenPath+"?resource="+strings.Repeat("x", 3000)), 400, "too long")
	lenient := one(t, func(w *world) { w.config.WithoutHeader = true })
	lenient.holds(lenient.send(t.Context(), 1, tokenPath+"?resource="+vault), "one")
}

// Both spellings of a resource id, each id in any case, and the object id (acceptance list 2, 55, 57; defect 12).
func TestAnIdentityIsNamedInEveryWay(t *testing.T) {
	t.Parallel()
	w := one(t)
	p, _ := w.named("shop", "web")
	w.assign(p, w.identity("shop", "two"), aadpodidentity.Assigned)
	for _, name := range []string{"one", "two"} {
		who := w.principal(name)
		for parameter, id := range map[string]string{"client_id": who.ClientID, "msi_res_id": who.ResourceID, "mi_res_id": who.ResourceID, "object_id": who.ObjectID} {
			for _, spelled := range []string{id, strings.ToUpper(id)} {
				w.holds(w.token(1, query(parameter, spelled)), name)
			}
		}
	}
	w.holds(w.token(1, ""), "one") // the first by namespace and name
}

func (w *world) named(namespace, name string) (nmi.Pod, bool) {
	return podsOf{w.cluster}.Named(namespace, name)
}

// The host endpoint's own shape and texts (acceptance list 11 of the volume plugins' side, 54).
func TestTheHostEndpoint(t *testing.T) {
	t.Parallel()
	w := one(t)
	for _, path := range []string{"/host/token", "/host/token/"} {
		r := w.send(t.Context(), 0, path+"?resource="+vault, "podns: shop", "podname: web")
		var got struct {
			Token    map[string]string `json:"token"`
			ClientID string            `json:"clientid"`
		}
		if r.status != 200 || json.Unmarshal([]byte(r.body), &got) != nil || keys(got.Token) != "access_token expires_in expires_on not_before refresh_token resource token_type" {
			t.Fatalf("%s: %d %s", path, r.status, r.body)
		}
		w.belongs(got.Token["access_token"], "one")
		if got.ClientID != w.principal("one").ClientID {
			t.Errorf("clientid %q", got.ClientID)
		}
	}
	const missing = "missing 'podname' and 'podns' from request header\n"
	for _, headers := range [][]string{nil, {"podns: shop"}, {"podname: web"}} {
		if r := w.send(t.Context(), 0, "/host/token?resource="+vault, headers...); r.status != 400 || r.body != missing {
			t.Errorf("%v: %d %q", headers, r.status, r.body)
		}
	}
	if r := w.send(t.Context(), 0, "/host/token", "podns: shop", "podname: web"); r.status != 400 || r.body != "parameter resource cannot be empty\n" {
		t.Errorf("%d %q", r.status, r.body)
	}
	if r := w.send(t.Context(), 1, "/host/token?resource="+vault, "podns: shop", "podname: web"); r.status != 403 || r.body != "request remote address is not from a host\n" {
		t.Errorf("%d %q", r.status, r.body)
	}
	w.refuses(w.host("shop", "web", query("client_id", w.principal("two").ClientID)), 404, "client_id", "shop/one")
}

// The provider's own client takes what the daemon gives, for Key Vault, and any pod gets tokens for whatever else.
func TestOurOwnClientUnderstands(t *testing.T) {
	t.Parallel()
	w := one(t)
	client := token.New(token.Config{Direct: w.config.Direct, Clock: w.clock, NMI: w.base})
	got, err := client.Pod(t.Context(), token.Target{Resource: vault}, secret.Pod{Namespace: "shop", Name: "web"})
	must(t, err)
	if got.ClientID != w.principal("one").ClientID {
		t.Errorf("client %q", got.ClientID)
	}
	if fields := w.holds(w.ask(1, tokenPath+"?resource="+storage), "one"); fields["resource"] != storage {
		t.Errorf("resource %q", fields["resource"])
	}
}

// What our provider is told, it repeats in our words.
func TestRefusalsReachTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, managed)
	w.pod(1, "shop", "plain", "")
	w.pod(2, "shop", "web", "web")
	client := token.New(token.Config{Direct: w.config.Direct, Clock: w.clock, NMI: w.base})
	for pod, words := range map[string][]string{
		"plain": {"the pod has no label aadpodidbinding", "to mend: ", "kubectl get azureidentitybindings"},
		"web":   {`no AzureIdentityBinding of namespace shop has the selector "web"`},
	} {
		_, err := client.Pod(t.Context(), token.Target{Resource: vault}, secret.Pod{Namespace: "shop", Name: pod})
		text := fault.Explain(err)
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: kind %s", pod, fault.KindOf(err))
		}
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q is not in %s", pod, word, text)
			}
		}
		if strings.Count(text, "kubectl") > 1 {
			t.Errorf("%s: mended twice: %s", pod, text)
		}
	}
}

// Several identities for a pod, each named; without a name it is always the same one (acceptance list 7, 57).
func TestUnnamedIsAlwaysTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pod(1, "shop", "web", "web")
	w.assign(p, w.identity("shop", "two"), aadpodidentity.Assigned)
	w.assign(p, w.identity("a-namespace", "one"), "") // the empty state of old programs counts
	for range 5 {
		w.holds(w.token(1, ""), "one")
	}
	w.holds(w.token(1, query("client_id", w.principal("two").ClientID)), "two")
}

// Namespaced: forced for all, or by an identity's own annotation (acceptance list 22, 38, 57; defect 12).
func TestNamespaced(t *testing.T) {
	t.Parallel()
	forced := newWorld(t, func(w *world) { w.config.ForceNamespaced = true })
	p := forced.pod(1, "shop", "web", "web")
	forced.assign(p, forced.identity("default", "one"), aadpodidentity.Assigned)
	forced.refuses(forced.token(1, ""), 403, "AzureIdentity default/one", "keeps to pods of its own namespace")
	forced.assign(p, forced.identity("shop", "two"), aadpodidentity.Assigned)
	forced.holds(forced.token(1, ""), "two")
	forced.refuses(forced.token(1, query("client_id", forced.principal("one").ClientID)), 404, "it may use shop/two")

	annotated := newWorld(t)
	p = annotated.pod(1, "shop", "web", "web")
	kept := annotated.identity("default", "one")
	kept.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
	annotated.assign(p, kept, aadpodidentity.Assigned)
	annotated.refuses(annotated.token(1, ""), 403, "default/one")
	annotated.assign(p, annotated.identity("default", "two"), aadpodidentity.Assigned)
	annotated.holds(annotated.token(1, ""), "two")
}

// Managed mode needs bindings and identities alone (acceptance list 58; defect 12).
func TestManagedMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, managed)
	w.pod(1, "shop", "web", "web")
	w.pod(2, "shop", "none", "")
	w.pod(3, "shop", "gone", "gone")
	w.pod(4, "other", "web", "web")
	w.bind(w.identity("shop", "one"), "web")
	w.bind(w.identity("shop", "two"), "web")
	w.bind(w.identity("shop", "kubelet"), "") // matches nobody
	w.bindings = append(w.bindings, aadpodidentity.Binding{Meta: aadpodidentity.Meta{Namespace: "shop", Name: "b"}, AzureIdentity: "nobody", Selector: "gone"})
	two := w.principal("two")
	w.holds(w.token(1, ""), "one")
	w.holds(w.token(1, query("client_id", two.ClientID)), "two")
	w.holds(w.token(1, query("mi_res_id", two.ResourceID)), "two")
	w.holds(w.token(1, query("object_id", two.ObjectID)), "two")
	w.refuses(w.token(1, query("client_id", "nobody")), 404, "client_id nobody", "it may use shop/one (client_id "+w.principal("one").ClientID+"), shop/two")
	w.refuses(w.token(1, query("msi_res_id", "/nobody")), 404, "msi_res_id /nobody")
	w.refuses(w.token(2, ""), 404, "shop/none", "has no label aadpodidbinding")
	w.refuses(w.token(3, ""), 404, "AzureIdentityBinding shop/b names AzureIdentity \"nobody\", which does not exist")
	w.refuses(w.token(4, ""), 404, "no AzureIdentityBinding of namespace other has the selector \"web\"")
}

// What is not ours is passed on, unless it is instance metadata (acceptance list 26).
func TestPassingOn(t *testing.T) {
	t.Parallel()
	w := one(t)
	if r := w.ask(1, "/unknown"); r.status != 404 || !strings.Contains(r.body, "not_found") {
		t.Errorf("an unknown path: %d %s", r.status, r.body)
	}
	for _, path := range []string{"/metadata/instance", "/metadata/instance/compute?api-version=2021-02-01", "/Metadata/instance/", "/metadata/attested/document", "/METADATA"} {
		if r := w.ask(1, path); r.status != 403 || r.body != "Request blocked by AAD Pod Identity NMI\n" {
			t.Errorf("%s: %d %q", path, r.status, r.body)
		}
	}
	w.refuses(w.send(t.Context(), 1, "/unknown"), 400, "Required metadata header not specified")
	if got := w.azure.Counts()["imds-other"]; got != 1 {
		t.Errorf("%d requests were passed on", got)
	}
	open := one(t, func(w *world) { w.config.AllowInstanceMetadata = true })
	if r := open.ask(1, "/metadata/instance?api-version=2021-02-01"); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got := open.azure.Counts()["imds-other"]; got != 1 {
		t.Errorf("%d requests were passed on", got)
	}
}

// The liveness probe says what the original's says (acceptance list 25).
func TestHealth(t *testing.T) {
	t.Parallel()
	standing := true
	w := newWorld(t, func(w *world) { w.config.Standing = func() bool { return standing } })
	body := func() string {
		server := newLocal(t, w.server.Health())
		resp, err := http.Get(server)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		text := make([]byte, 32)
		n, _ := resp.Body.Read(text)
		if resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
		return string(text[:n])
	}
	got := []string{body()}
	standing = false
	got = append(got, body())
	standing = true
	w.unsynced.Store(true)
	got = append(got, body())
	if diff := cmp.Diff([]string{"Active", "Not Active", "Not Active"}, got); diff != "" {
		t.Error(diff)
	}
}
