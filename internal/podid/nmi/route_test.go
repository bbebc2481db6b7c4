package nmi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/share"
)

// Where each path goes (acceptance list 56). Nothing under identity or host is elsewhere.
func TestClassify(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]route{
		"/metadata/identity/oauth2/token":                       podToken,
		"/metadata/identity/oauth2/token/":                      podToken,
		"/Metadata/identity/oauth2/token?resource=a/../b":       podToken,
		"/METADATA/identity/oauth2/token/?":                     podToken,
		"/metadata/Identity/oauth2/token":                       absent,
		"/metadata/identity/OAuth2/token":                       absent,
		"/metadata/identity/oauth2/Token":                       absent,
		"/metadata/identity/oauth2/tokenX":                      absent,
		"/metadata/identity/oauth2/token/x":                     absent,
		"/metadata/identity":                                    absent,
		"/metadata/IDENTITY/":                                   absent,
		"/metadata/identity/info":                               absent,
		"/host/token":                                           hostToken,
		"/host/token/":                                          hostToken,
		"/host/token/?resource=x":                               hostToken,
		"/Host/token":                                           absent,
		"/host/tokens":                                          absent,
		"/host":                                                 absent,
		"/metadata":                                             metadata,
		"/metadata/":                                            metadata,
		"/metadata/instance":                                    metadata,
		"/Metadata/instance/":                                   metadata,
		"/metadata/instance/compute":                            metadata,
		"/metadata/attested/document":                           metadata,
		"/":                                                     elsewhere,
		"/?x":                                                   elsewhere,
		"/metadata2/identity/oauth2/token":                      elsewhere,
		"/unknown":                                              elsewhere,
		`/metadata\identity\oauth2\token`:                       malformed,
		`/metadata/identity\oauth2/token`:                       malformed,
		`/metadata/identity/oauth2\token`:                       malformed,
		`\metadata\identity\oauth2\token`:                       malformed,
		"/metadata%5cidentity/oauth2/token":                     malformed,
		"/metadata%2fidentity/oauth2/token":                     malformed,
		"/metadata/%69dentity/oauth2/token":                     malformed,
		"//metadata/identity/oauth2/token":                      malformed,
		"/metadata//identity/oauth2/token":                      malformed,
		"/metadata/identity/oauth2/token//":                     malformed,
		"/./metadata/identity/oauth2/token":                     malformed,
		"/x/../metadata/identity/oauth2/token":                  malformed,
		"/metadata/identity;a=b/oauth2/token":                   malformed,
		"http://169.254.169.254/metadata/identity/oauth2/token": malformed,
		"*":                malformed,
		"":                 malformed,
		"169.254.169.254":  malformed,
		"/metadata/id\x00": malformed,
		"/…":               malformed,
	} {
		if got := classify(target); got != want {
			t.Errorf("%q goes to %d, want %d", target, got, want)
		}
	}
}

// FuzzNothingOfIdentityIsPassedOn sends paths through the handler to a metadata service that fails the test when a
// path arrives that any reading could take for identity: encoded once or twice, with backslashes, doubled slashes or dots.
func FuzzNothingOfIdentityIsPassedOn(f *testing.F) {
	for _, seed := range []string{
		"/metadata/identity/oauth2/token", "/metadata/Identity/oauth2/token", `/metadata\identity`, "//metadata//identity/x", "/metadata/./identity",
		"/a/../metadata/identity", "/metadata/%69dentity", "/metadata/%2569dentity", "/metadata%2fidentity", "/metadata;x/identity", "/METADATA/identity%00",
		"/metadata/identity?x", "/metadata?/identity", "/host/token", "/metadata/instance", "/x", "/metadata/\u0131dentity", "/metadata/ident\u0131ty",
	} {
		f.Add(seed)
	}
	var arrived string
	behind := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived = r.RequestURI }))
	f.Cleanup(behind.Close)
	s, err := New(Config{
		AllowInstanceMetadata: true, Metadata: behind.URL, Direct: behind.Client(),
		Pods: nobody{}, Bindings: nothing{}, Tokens: token.New(token.Config{}), Pool: share.New(share.Config{}),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(target, "\r\n") {
			return // the server refuses it by itself
		}
		arrived = ""
		r := &http.Request{Method: http.MethodGet, URL: u, RequestURI: target, RemoteAddr: "127.0.1.1:1", Header: http.Header{"Metadata": {"true"}}, Body: http.NoBody}
		s.handle(httptest.NewRecorder(), r.WithContext(t.Context()))
		before, _, _ := strings.Cut(arrived, "?")
		for range 3 {
			folded := strings.ToLower(path.Clean("/"+strings.ReplaceAll(before, `\`, "/"))) + "/"
			if strings.HasPrefix(folded, "/metadata/identity/") || strings.HasPrefix(folded, "/host/") {
				t.Fatalf("%q was passed on as %q", target, arrived)
			}
			if plain, err := url.PathUnescape(before); err == nil {
				before = plain
			}
		}
	})
}

// nobody and nothing are a node and a cluster without anything.
type nobody struct{}

func (nobody) Synced() bool                     { return true }
func (nobody) OnChange(func([]netip.Addr))      {}
func (nobody) At(netip.Addr) []Pod              { return []Pod{{HostNetwork: true}} }
func (nobody) Named(string, string) (Pod, bool) { return Pod{}, false }
func (nobody) Starting() bool                   { return false }

type nothing struct{}

func (nothing) Synced() bool                          { return true }
func (nothing) OnChange(func())                       {}
func (nothing) Identities() []aadpodidentity.Identity { return nil }
func (nothing) Bindings() []aadpodidentity.Binding    { return nil }
func (nothing) BindingGone(string, string) bool       { return false }
func (nothing) IdentityGone(string, string) bool      { return false }

// Who an address belongs to, of the pods that have had it (complaint 11).
func TestClaimant(t *testing.T) {
	t.Parallel()
	live, other := Pod{Name: "live"}, Pod{Name: "other"}
	done, going, host := Pod{Name: "done", Finished: true}, Pod{Name: "going", Deleting: true}, Pod{Name: "host", HostNetwork: true}
	for name, c := range map[string]struct {
		pods []Pod
		want claim
		who  string
	}{
		"nobody":                         {nil, unknown, ""},
		"one":                            {[]Pod{live}, running, "live"},
		"its predecessor has finished":   {[]Pod{done, live}, running, "live"},
		"its predecessor is being ended": {[]Pod{going, live}, running, "live"},
		"only one that has finished":     {[]Pod{done}, unknown, ""},
		"only one that is being ended":   {[]Pod{going}, leaving, "going"},
		"two that are being ended":       {[]Pod{going, going}, disputed, ""},
		"two":                            {[]Pod{live, other}, disputed, ""},
		"a pod of the node's own":        {[]Pod{host}, hostsOwn, ""},
		"the node's own and another":     {[]Pod{host, live}, hostsOwn, ""},
	} {
		if got, how := claimant(c.pods); how != c.want || got.Name != c.who {
			t.Errorf("%s: %d %q", name, how, got.Name)
		}
	}
}

// Addresses are read from the connection, in whatever form it has them (acceptance list 54, 60).
func TestAddressOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"10.0.0.1:4711":           "10.0.0.1",
		"[::ffff:10.0.0.1]:4711":  "10.0.0.1",
		"[fd00::1]:4711":          "fd00::1",
		"[fe80::1%eth0]:4711":     "fe80::1",
		"[::ffff:127.0.0.1%x]:80": "127.0.0.1",
		"":                        "",
		"10.0.0.1":                "",
		"pod.example:80":          "",
	} {
		got, ok := addressOf(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {"10.9.9.9"}, "Forwarded": {"for=10.9.9.9"}}})
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q is %v %v", remote, got, ok)
		}
	}
	for text, want := range map[string]bool{"127.0.0.1": true, "::1": true, "127.0.0.2": false, "10.0.0.1": false, "::": false, "::ffff:127.0.0.1": false} {
		if fromHost(netip.MustParseAddr(text)) != want {
			t.Errorf("%s from host: %v", text, !want)
		}
	}
}
