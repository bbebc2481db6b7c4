package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
)

func TestTrust(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"})
	other := serve(t, hello, []string{"other.localhost"})
	for name, c := range map[string]struct {
		config transport.Config
		works  bool
	}{
		"bundle besides the system's": {transport.Config{CA: s.ca}, true},
		"bundle alone":                {transport.Config{CA: s.ca, CAOnly: true}, true},
		"two in one bundle":           {transport.Config{CA: append(append([]byte{}, other.ca...), s.ca...)}, true},
		"system's alone":              {transport.Config{}, false},
		"another authority":           {transport.Config{CA: other.ca}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body, err := get(open(t, c.config).Azure, s.address("vault.localhost"))
			if c.works != (err == nil && body == "hello") {
				t.Errorf("got %q, %v", body, err)
			}
			if err != nil && !strings.Contains(fault.Explain(transport.Unreached(err, "secret/a", "vault.localhost")), "CA bundle") {
				t.Errorf("no advice in %v", err)
			}
		})
	}
}

func TestNameMustMatch(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"})
	if _, _, err := get(open(t, transport.Config{CA: s.ca}).Azure, s.address("impostor.localhost")); err == nil {
		t.Error("a certificate for another name was taken")
	}
}

func TestServerNameReplacesTheHost(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"aabc.ests.aks"})
	clients := open(t, transport.Config{CA: s.ca, CAOnly: true, ServerName: "aabc.ests.aks"})
	if _, body, err := get(clients.Azure, s.address("kubernetes.localhost")); err != nil || body != "hello" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"}, oldTLS)
	if _, _, err := get(open(t, transport.Config{CA: s.ca}).Azure, s.address("vault.localhost")); err == nil {
		t.Error("spoke TLS 1.1")
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]transport.Config{
		"no PEM":                  {CA: []byte("not a certificate")},
		"nothing to trust":        {CAOnly: true},
		"proxy of another scheme": {HTTPSProxy: "ftp://me:hunter2@proxy:21"},
		"proxy with a bad escape": {HTTPSProxy: "http://me:hunter2%zz@proxy:3128"},
	} {
		_, err := transport.New(c)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(fault.Explain(err), "hunter2") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := serve(t, hello, []string{"other.localhost"})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.address("other.localhost")+"/secret", http.StatusTemporaryRedirect)
	}, []string{"vault.localhost"})
	resp, err := open(t, transport.Config{CA: append(s.ca, other.ca...)}).Azure.Get(s.address("vault.localhost"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	f := transport.Redirected(resp, "secret/a")
	if f == nil || f.Kind != fault.Unavailable || !strings.Contains(f.Error(), "other.localhost") || f.Remote.Status != 307 {
		t.Errorf("got %v", f)
	}
	if n := other.requests.Load(); n != 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.example.com", "vault.localhost"})
	for name, c := range map[string]struct {
		noProxy, address string
		client           func(*transport.Clients) *http.Client
		proxied          int32
	}{
		"applies":                   {"", "https://vault.example.com", azure, 1},
		"applies to .localhost too": {"", s.address("vault.localhost"), azure, 1},
		"NO_PROXY":                  {"other.test, .localhost", s.address("vault.localhost"), azure, 0},
		"direct":                    {"", s.address("vault.localhost"), direct, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxyTo(t, s)
			clients := open(t, transport.Config{CA: s.ca, HTTPSProxy: p.address, NoProxy: c.noProxy})
			if _, body, err := get(c.client(clients), c.address); err != nil || body != "hello" {
				t.Errorf("got %q, %v", body, err)
			}
			if n := p.asked.Load(); n != c.proxied {
				t.Errorf("the proxy was asked %d times, want %d", n, c.proxied)
			}
		})
	}
}

func azure(c *transport.Clients) *http.Client  { return c.Azure }
func direct(c *transport.Clients) *http.Client { return c.Direct }

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size   int
		length bool // told in the header
		large  bool
	}{
		"at the bound":          {transport.MaxBody, true, false},
		"at the bound, chunked": {transport.MaxBody, false, false},
		"over, told":            {transport.MaxBody + 1, true, true},
		"over, chunked":         {transport.MaxBody + 1, false, true},
		"endless":               {64 << 20, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if !c.length {
					w.(http.Flusher).Flush()
				}
				block := make([]byte, 1<<16)
				for left := c.size; left > 0; left -= len(block) {
					if _, err := w.Write(block[:min(left, len(block))]); err != nil {
						return
					}
				}
			}, []string{"vault.localhost"})
			client := open(t, transport.Config{CA: s.ca}).Azure
			_, body, err := get(client, s.address("vault.localhost"))
			if errors.Is(err, transport.ErrTooLarge) != c.large || !c.large && len(body) != c.size {
				t.Errorf("Body: %d bytes, %v", len(body), err)
			}
			resp, err := client.Get(s.address("vault.localhost"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			read, err := io.ReadAll(resp.Body)
			if errors.Is(err, transport.ErrTooLarge) != c.large || len(read) > transport.MaxBody {
				t.Errorf("ReadAll: %d bytes, %v", len(read), err)
			}
		})
	}
}

func TestSlowBodyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		close(begun)
		<-r.Context().Done()
	}, []string{"vault.localhost"})
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.address("vault.localhost"), nil)
	resp, err := open(t, transport.Config{CA: s.ca}).Azure.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	cancel()
	if _, err := transport.Body(resp); !errors.Is(transport.Unreached(err, "secret/a", "vault"), context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSilenceHasAnEnd(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never shakes hands
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []string{"vault.localhost"})
	const short = 20 * time.Millisecond
	for name, c := range map[string]struct {
		config  transport.Config
		address string
		client  func(*transport.Clients) *http.Client
	}{
		"handshake":      {transport.Config{DialTimeout: short}, "https://" + silent.Addr().String(), azure},
		"headers":        {transport.Config{HeaderTimeout: short}, s.address("vault.localhost"), azure},
		"whole":          {transport.Config{Timeout: short}, s.address("vault.localhost"), azure},
		"whole, direct":  {transport.Config{DirectTimeout: short}, s.address("vault.localhost"), direct},
		"plain, headers": {transport.Config{DirectTimeout: short}, "http://" + silent.Addr().String(), direct},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.CA = s.ca
			_, _, err := get(c.client(open(t, c.config)), c.address)
			if f := transport.Unreached(err, "secret/a", "vault"); err == nil || f.Kind != fault.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPeerCertificate(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"api.localhost", "hcp-kubernetes.abc.svc.cluster.local"})
	certificate, err := open(t, transport.Config{CA: s.ca}).PeerCertificate(t.Context(), "api.localhost:"+s.port)
	if err != nil || len(certificate.DNSNames) != 2 {
		t.Fatalf("got %v, %v", certificate, err)
	}
	if _, err := open(t, transport.Config{}).PeerCertificate(t.Context(), "api.localhost:"+s.port); err == nil {
		t.Error("an unknown authority was taken")
	}
	if n := s.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
