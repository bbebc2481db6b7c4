package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"strongroom/internal/clock"
)

func TestAFirstMountIsOneTokenAndOneReadForEachObject(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := n.pod(parameters(secrets("a", "b", "c", "d", "e")))
	p.mustMount()
	list := n.azure.requests()
	if count(list, "") != 6 || count(list, "token") != 1 || count(list, "secrets") != 5 {
		t.Errorf("requests: %v", list)
	}
	for _, s := range list {
		if s.kind == "secrets" && s.auth == "" || s.kind == "token" && s.auth != "" {
			t.Errorf("an anonymous read, or a token shown to the authority: %v", s)
		}
	}
	if files := p.files(); len(files) != 5 || files["a"] != contentFor(web(tenant, client), "kv-one", "a") {
		t.Errorf("files: %v", files)
	}

	second := n.pod(parameters(secrets("a", "b")))
	second.mustMount()
	if list := n.azure.requests(); count(list, "") != 2 || count(list, "secrets") != 2 {
		t.Errorf("with a token at hand: %v", list)
	}
	second.mustMount()
	if list := n.azure.requests(); count(list, "") != 2 || count(list, "secrets") != 2 {
		t.Errorf("a remount of two: %v", list)
	}
}

// web is whom the fake sees for a pod of shop/web with workload identity.
func web(tenant, client string) string {
	return strings.Join([]string{"token", tenant, client, issuer, "system:serviceaccount:shop:web", "[" + exchange + "]"}, "|")
}

func TestAHundredPodsAtOnceCostAsMuchAsOne(t *testing.T) {
	t.Parallel()
	const pods = 100
	seen := make(chan struct{}, pods)
	n := newNode(t, unhurried, func(s *settings) { s.arrived = func() { seen <- struct{}{} } })
	// The token is held back until every mount is with the provider. Looking at the pods would not do: one that is put
	// aside by a busy machine after it has been seen asks for content fresher than the first read.
	arrived := make(chan struct{})
	n.azure.on(func(kind string, _ http.ResponseWriter, _ *http.Request) bool {
		if kind == "token" {
			<-arrived
		}
		return false
	})
	var group errgroup.Group
	for range pods {
		p := n.pod(parameters(secrets("a", "b", "c")))
		group.Go(p.mount)
	}
	for range pods {
		<-seen
	}
	close(arrived)
	must(t, group.Wait())
	if list := n.azure.requests(); count(list, "token") != 1 || count(list, "secrets") != 3 || len(list) != 4 {
		t.Errorf("%d tokens, %d reads, %d in all", count(list, "token"), count(list, "secrets"), len(list))
	}
}

func TestWhoIsToldToWaitWaitsAndOneAsksAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kinds string
		lie   func(http.ResponseWriter, *http.Request)
		wait  time.Duration // nobody calls before it
		code  codes.Code
	}{
		"429 of the vault with a time":        {"secrets", status(429, "Retry-After", "30"), 30 * time.Second, codes.ResourceExhausted},
		"429 of the vault in milliseconds":    {"secrets", status(429, "Retry-After-Ms", "20000"), 20 * time.Second, codes.ResourceExhausted},
		"429 of the vault without a time":     {"secrets", status(429), time.Second, codes.ResourceExhausted},
		"503 of the vault with a time":        {"secrets", status(503, "Retry-After", "30"), 30 * time.Second, codes.Unavailable},
		"503 of the vault without a time":     {"secrets", status(503), time.Second, codes.Unavailable},
		"429 of the authority with a time":    {"token", status(429, "Retry-After", "30"), 30 * time.Second, codes.ResourceExhausted},
		"503 of the authority without a time": {"token", status(503), time.Second, codes.Unavailable},
		"429 of IMDS with a time":             {"imds", status(429, "Retry-After", "30"), 30 * time.Second, codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turned := clock.NewFake()
			n := newNode(t, func(s *settings) { s.clock, s.share.MaxWait, s.share.Rand = turned, -1, func() float64 { return 0 } })
			change := []string{}
			if test.kinds == "imds" {
				change = []string{"clientID", "", "useVMManagedIdentity", "true"}
			}
			fresh := func() *pod { return n.pod(parameters(secrets("a"), change...)) }
			asked := func() int { return count(n.azure.requests(), test.kinds) }
			n.azure.on(only(test.kinds, test.lie))
			p := fresh()
			p.refused(p.mount(), test.code)
			if got := asked(); got != 1 {
				t.Fatalf("%d requests for one object: something retries beneath", got)
			}
			turned.Advance(test.wait - time.Millisecond)
			for range 5 {
				p := fresh()
				p.refused(p.mount(), codes.ResourceExhausted, codes.Unavailable)
			}
			if got := asked(); got != 0 {
				t.Errorf("%d requests before the time", got)
			}
			turned.Advance(2 * time.Millisecond)
			n.storm(20, fresh)
			if got := asked(); got != 1 {
				t.Errorf("%d probes for one step", got)
			}
			n.azure.on(nil)
			turned.Advance(time.Minute)
			fresh().mustMount()
		})
	}
}

// storm mounts many pods at once and expects each to fail.
func (n *node) storm(pods int, fresh func() *pod) {
	var group errgroup.Group
	for range pods {
		p := fresh()
		group.Go(func() error {
			if p.mount() == nil {
				return fmt.Errorf("%s was mounted", p.name)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		n.t.Error(err)
	}
}

// A vault that takes no token at all is told so once more with a new one, and then believed: also when the token source
// keeps giving the same, as the metadata service does.
func TestATokenThatIsRefusedIsReplacedOnceHoweverManyObjectsThereAre(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   string
		change []string
	}{
		"the authority's":        {"token", nil},
		"the metadata service's": {"imds", []string{"clientID", "", "useVMManagedIdentity", "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.azure.on(func(kind string, w http.ResponseWriter, _ *http.Request) bool {
				switch kind {
				case "secrets":
					w.Header().Set("Www-Authenticate", `Bearer authorization="https://evil.localhost/t", resource="https://evil.localhost"`)
					status(401)(w, nil)
				default:
					answer(w, 200, map[string]any{"token_type": "Bearer", "expires_in": "3600", "access_token": "always-the-same"})
				}
				return true
			})
			p := n.pod(parameters(secrets("a", "b", "c", "d", "e", "f", "g", "h"), test.change...))
			p.refused(p.mount(), codes.PermissionDenied)
			list := n.azure.requests()
			if tokens, reads := count(list, test.kind), count(list, "secrets"); tokens != 2 || reads > 16 || tokens+reads != len(list) {
				t.Errorf("%d tokens, %d reads, %d in all", tokens, reads, len(list))
			}
		})
	}
}
