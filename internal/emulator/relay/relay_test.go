package relay_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"strongroom/internal/emulator/relay"
)

// world is a TLS server for any name, with the proxy in front of it.
func world(t *testing.T) (target, proxy *httptest.Server, p *relay.Relay) {
	t.Helper()
	target = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	p = relay.New(relay.Config{
		Allow: func(host string) bool { return host == "example.com:443" },
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", target.Listener.Addr().String())
		},
	})
	proxy = httptest.NewServer(p)
	t.Cleanup(func() {
		p.Close()
		proxy.Close()
		target.Close()
	})
	return target, proxy, p
}

func clientOf(target, proxy *httptest.Server) *http.Client {
	transport := target.Client().Transport.(*http.Transport).Clone()
	address, _ := url.Parse(proxy.URL)
	transport.Proxy = http.ProxyURL(address)
	transport.TLSClientConfig.ServerName = "example.com" // the test certificate's name
	return &http.Client{Transport: transport}
}

func TestTunnelsTheEmulatorsNamesAndNoOthers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	target, proxy, p := world(t)
	client := clientOf(target, proxy)
	resp, err := client.Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != "example.com" {
		t.Errorf("got %s", body)
	}
	if _, err := client.Get("https://elsewhere.example/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("elsewhere: %v", err)
	}
	p.Close()
	if _, err := client.Get("https://example.com/"); err == nil {
		t.Error("a closed relay still connects")
	}
	client.CloseIdleConnections()
	proxy.Close()
	target.Close()
}

func TestTakesNothingButConnect(t *testing.T) {
	_, proxy, _ := world(t)
	resp, err := http.Get(proxy.URL + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestTheEmulatorsListenerIsAway(t *testing.T) {
	target, proxy, _ := world(t)
	target.Close()
	if _, err := clientOf(target, proxy).Get("https://example.com/"); err == nil || !strings.Contains(err.Error(), "Bad Gateway") {
		t.Errorf("got %v", err)
	}
}
