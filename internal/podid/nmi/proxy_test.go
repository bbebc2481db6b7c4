package nmi_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/nmi"
)

// An excepted pod's request goes to the metadata service as it came, every selector with it, and the answer comes back as
// it is (acceptance list 23, 61; defect 12).
func TestExceptedPodsGoPast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exceptions = []aadpodidentity.Exception{{Meta: aadpodidentity.Meta{Namespace: "kube-system"}, PodLabels: map[string]string{"app": "mic"}}}
	w.pod(1, "kube-system", "mic-0", "", podLabel("app", "MIC"))
	w.pod(2, "default", "mic-0", "", podLabel("app", "mic"))           // an exception of another namespace
	w.pod(3, "default", "microservice-5b", "", podLabel("app", "web")) // nobody is excepted for a name
	kubelet, system := w.principal("kubelet"), w.principal("node-1")
	for more, want := range map[string]string{
		"":                                       "node-1",
		query("client_id", kubelet.ClientID):     "kubelet",
		query("msi_res_id", kubelet.ResourceID):  "kubelet",
		query("mi_res_id", kubelet.ResourceID):   "kubelet",
		query("object_id", kubelet.ObjectID):     "kubelet",
		query("principal_id", system.ObjectID):   "node-1",
		query("client_id", "nobody") + "&x=y%20": "",
	} {
		r := w.token(1, more)
		if want == "" {
			if r.status != 400 || !strings.Contains(r.body, "Identity not found") || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s: %d %v %s", more, r.status, r.header, r.body)
			}
		} else if fields := w.holds(r, want); fields["client_id"] != w.principal(want).ClientID {
			t.Errorf("%s: not the metadata service's own answer: %v", more, keys(fields))
		}
	}
	w.refuses(w.token(2, ""), 404, "has no label")
	w.refuses(w.token(3, ""), 404, "has no label")
	// X-Forwarded-For is the metadata service's to refuse.
	w.refuses(w.ask(1, tokenPath+"?api-version=2018-02-01&resource="+vault, "X-Forwarded-For: 10.0.0.1"), 400, "X-Forwarded-For")
}

// behind records what arrives at the metadata service.
type behind struct {
	mu     sync.Mutex
	header http.Header
	uri    string
	body   string
	method string
}

func (b *behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, _ := io.ReadAll(r.Body) // what broke off is seen in what it holds
	b.header, b.uri, b.body, b.method = r.Header, r.RequestURI, string(body), r.Method
	w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
	w.Header().Set("Connection", "X-Hop")
	w.Header().Set("X-Hop", "1")
	w.Header().Set("Keep-Alive", "timeout=1")
	w.Header().Set("X-Stays", "1")
	w.WriteHeader(http.StatusFound)
	_, _ = io.WriteString(w, "moved")
}

// What is passed on is what came, less what is about one connection; a redirect is the pod's own affair (defect 13).
func TestPassingOnIsFaithful(t *testing.T) {
	t.Parallel()
	b := &behind{}
	w := newWorld(t, func(w *world) {
		w.config.AllowInstanceMetadata, w.config.Metadata = true, newLocal(t, b)
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.base+"/metadata/scheduledevents?api-version=2020-07-01&x=%2f", strings.NewReader("acknowledged"))
	must(t, err)
	r.Header = http.Header{
		"Metadata": {"true"}, "Connection": {"X-Mine"}, "X-Mine": {"1"}, "Te": {"trailers"}, "Proxy-Authorization": {"x"}, "Upgrade": {"websocket"},
		"X-Kept": {"a", "b"}, "User-Agent": {"pod/1"}, "Accept-Encoding": {"gzip"},
	}
	resp, err := from(t, 1).Do(r)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	want := http.Header{"Metadata": {"true"}, "X-Kept": {"a", "b"}, "User-Agent": {"pod/1"}, "Accept-Encoding": {"gzip"}, "Content-Length": {"12"}}
	if diff := cmp.Diff(want, b.header); diff != "" || b.method != "PUT" || b.body != "acknowledged" || b.uri != "/metadata/scheduledevents?api-version=2020-07-01&x=%2f" {
		t.Errorf("%s %s %q (-want +got):\n%s", b.method, b.uri, b.body, diff)
	}
	if resp.StatusCode != http.StatusFound || string(body) != "moved" || resp.Header.Get("Location") == "" || resp.Header.Get("X-Stays") != "1" || resp.Header.Get("X-Hop") != "" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
}

// A body without end is not passed on, and a metadata service that is not there is 503.
func TestPassingOnIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.config.Metadata = newLocal(t, &behind{}) })
	for _, size := range []int{64 << 10, 64<<10 + 1} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/x", io.LimitReader(endless{}, int64(size)))
		must(t, err)
		r.Header.Set("Metadata", "true")
		resp, err := from(t, 1).Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if passed := err == nil && resp.StatusCode == http.StatusFound; passed != (size <= 64<<10) {
			t.Errorf("%d bytes: passed on %v, %v", size, passed, err)
		}
	}
	down := newWorld(t, func(w *world) { w.config.Metadata = "http://127.0.0.1:1" })
	down.refuses(down.ask(1, "/x"), 503, "metadata service")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A request's body is of no use at the token path, and does not hold the connection.
func TestABodyThatNeverComes(t *testing.T) {
	t.Parallel()
	w := one(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	defer func() { _ = write.Close() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+tokenPath+"?resource="+vault, read)
	must(t, err)
	r.Header.Set("Metadata", "true")
	resp, err := from(t, 1).Do(r)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("%d, the connection stays open %v", resp.StatusCode, !resp.Close)
	}
}

func podLabel(key, value string) func(*nmi.Pod) {
	return func(p *nmi.Pod) { p.Labels[key] = value }
}
