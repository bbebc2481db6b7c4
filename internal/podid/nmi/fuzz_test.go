package nmi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/bound"
	"strongroom/internal/share"
)

// No spelling of an address makes a pod's the node's own, or one pod's another's: equal addresses are equal bits.
func FuzzAddress(f *testing.F) {
	for _, from := range []string{"127.0.0.1:1", "[::ffff:127.0.0.1]:1", "127.0.0.2:1", "[::1%lo]:1", "[fe80::1%eth0]:1", "10.244.0.5:65535", "0177.0.0.1:1", "", ":80", "[::]:1"} {
		f.Add(from)
	}
	f.Fuzz(func(t *testing.T, from string) {
		ip, known := addressOf(&http.Request{RemoteAddr: from, Header: http.Header{"X-Forwarded-For": {"127.0.0.1"}, "Forwarded": {"for=127.0.0.1"}}})
		if !known {
			if ip.IsValid() {
				t.Errorf("%v of %q", ip, from)
			}
			return
		}
		if ip.Is4In6() || ip.Zone() != "" || bound.Plain(ip) != ip || netip.MustParseAddr(ip.String()) != ip {
			t.Errorf("%v of %q", ip, from)
		}
		if fromHost(ip) && ip.String() != "127.0.0.1" && ip.String() != "::1" {
			t.Errorf("%v is the node's", ip)
		}
	})
}

// A credential goes to an authority of Azure or of the configuration, however an identity spells another.
func FuzzAuthority(f *testing.F) {
	for _, endpoint := range []string{
		"", "https://login.microsoftonline.com/", "HTTPS://LOGIN.microsoftonline.us", "https://login.microsoftonline.com@elsewhere.example",
		"https://login.microsoftonline.com.elsewhere.example", "http://login.microsoftonline.com", "https://own.test//", "https://own.test#", "https://login.microsoftonline.com:443",
	} {
		f.Add(endpoint)
	}
	s := &Server{Config: Config{Authorities: []string{"https://own.test/"}}}
	f.Fuzz(func(t *testing.T, endpoint string) {
		got, err := s.authority(aadpodidentity.Identity{ADEndpoint: endpoint}, "i")
		if err != nil {
			if got != "" {
				t.Errorf("%q beside %v", got, err)
			}
			return
		}
		known := got == "https://own.test"
		for _, a := range authorities {
			known = known || got == a
		}
		if u, err := url.Parse(got); !known || err != nil || u.Scheme != "https" {
			t.Errorf("%q leads to %q", endpoint, got)
		}
	})
}

// Whatever stands in a request for a token, nobody who is unknown gets one, and the answer is a refusal in the client's
// range, without a header of its making.
func FuzzTokenRequest(f *testing.F) {
	f.Add("/metadata/identity/oauth2/token", "resource=https://vault.azure.net&client_id=x", "127.0.1.1:1", "shop", "web")
	f.Add("/host/token/", "resource=%zz&resource=2", "127.0.0.1:1", "a\r\nb", "\x00")
	f.Add("/host/token", "msi_res_id=/subscriptions/x&object_id=;", "[::1]:1", "", "")
	s, err := New(Config{
		Pods: nobody{}, Bindings: nothing{}, Tokens: token.New(token.Config{}), Pool: share.New(share.Config{}),
		Direct: &http.Client{Transport: &http.Transport{DialContext: nobodyThere}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	s.Settle = 0
	f.Fuzz(func(t *testing.T, path, query, from, namespace, name string) {
		if !strings.HasPrefix(path, "/host") {
			path = "/metadata/identity/oauth2/token" // anything else is the other target's
		}
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query}, RequestURI: path + "?" + query, RemoteAddr: from,
			Header: http.Header{"Metadata": {"true"}, "Podname": {name}, "Podns": {namespace}}, Body: http.NoBody}
		w := httptest.NewRecorder()
		s.handle(w, r.WithContext(t.Context()))
		if w.Code == http.StatusOK || w.Code < 400 || w.Code > 599 || strings.Contains(w.Body.String(), "access_token") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

func nobodyThere(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("a test asks nobody")
}
