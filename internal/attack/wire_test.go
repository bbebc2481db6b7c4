package attack

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"strongroom/internal/clock"
)

type lie = func(http.ResponseWriter, *http.Request)

// elsewhere sends a client to another address.
func elsewhere(code int, to string) lie { return status(code, "Location", to) }

func body(text string) lie {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// cut breaks the connection in the middle of a body.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "4000")
	_, _ = io.WriteString(w, `{"value":"half`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// flood sends a body of size bytes, announced or not.
func flood(size int, announced bool) lie {
	return func(w http.ResponseWriter, _ *http.Request) {
		if announced {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		chunk := strings.Repeat("x", 64<<10)
		for sent := 0; sent < size; sent += len(chunk) {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
}

// drip sends a byte now and then, without an end.
func drip(w http.ResponseWriter, r *http.Request) {
	for {
		_, _ = io.WriteString(w, " ")
		w.(http.Flusher).Flush()
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

// Whatever a vault or an authority answers, no token goes anywhere else, the error says what happened, a first mount
// leaves nothing behind and a mounted volume keeps its files.
func TestNoAnswerLeadsATokenAwayOrHarmsWhatIsMounted(t *testing.T) {
	t.Parallel()
	const evil = "https://evil.other.localhost:EVIL"
	for name, test := range map[string]struct {
		kinds string
		lie   lie
		says  string
	}{
		"vault: 301 to another host":      {"secrets", elsewhere(301, evil+"/secrets/a/"), "redirect to evil.other.localhost"},
		"vault: 302 to plain http":        {"secrets", elsewhere(302, "http://evil.other.localhost/"), "redirect to evil.other.localhost"},
		"vault: 307 to another host":      {"secrets", elsewhere(307, evil+"/secrets/a/"), "redirect"},
		"vault: 308 to another path":      {"secrets", elsewhere(308, "/secrets/b/"), "redirect"},
		"vault: 302 to nowhere":           {"secrets", status(302), "redirect to nowhere"},
		"vault: 300 with an odd location": {"secrets", elsewhere(300, "https://user:pass@[::1"), "redirect"},
		"vault: a foreign authority":      {"secrets", status(401, "Www-Authenticate", `Bearer authorization="`+evil+`/t", resource="`+evil+`"`), "HTTP 401"},
		"vault: a foreign authority that wants claims": {"secrets", status(401, "Www-Authenticate",
			`Bearer authorization="`+evil+`/t", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7InZhbHVlIjoiMSJ9fX0="`), "HTTP 401"},
		"vault: Basic":                 {"secrets", status(401, "Www-Authenticate", `Basic realm="evil"`), "HTTP 401"},
		"vault: 5 MiB":                 {"secrets", flood(5<<20, false), "longer than 1 MiB"},
		"vault: 5 MiB as announced":    {"secrets", flood(5<<20, true), "longer than 1 MiB"},
		"vault: a refusal of 5 MiB":    {"secrets", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403); flood(5<<20, false)(w, r) }, "longer than 1 MiB"},
		"vault: huge headers":          {"secrets", status(200, "X-Much", strings.Repeat("y", 1<<20)), "no answer from"},
		"vault: without an end":        {"secrets", drip, "no answer from"},
		"vault: cut":                   {"secrets", cut, "no answer from"},
		"vault: at once closed":        {"secrets", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no answer from"},
		"vault: a sign-in page":        {"secrets", body("<html>sign in</html>"), "not the JSON of a secret"},
		"vault: null":                  {"secrets", body("null"), "secret value is nil"},
		"vault: a list":                {"secrets", body("[]"), "not the JSON of a secret"},
		"vault: empty":                 {"secrets", body(""), "not the JSON of a secret"},
		"vault: a value without an id": {"secrets", body(`{"value":"hostile"}`), "secret id is nil"},
		"vault: an id that climbs":     {"secrets", body(`{"value":"hostile","id":"https://x/secrets/a/.."}`), "secret id holds no version"},
		"vault: an id with a slash":    {"secrets", body(`{"value":"hostile","id":"https://x/secrets/a/..%2f..%2fx"}`), "secret id holds no version"},
		"vault: a number for a value":  {"secrets", body(`{"value":7,"id":"https://x/secrets/a/1"}`), "not the JSON of a secret"},
		"vault: 204":                   {"secrets", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "HTTP 204"},
		"vault: 206":                   {"secrets", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(206); body(`{"value":"half"`)(w, r) }, "HTTP 206"},
		"vault: deeply nested":         {"secrets", body(strings.Repeat(`{"a":`, 100_000)), "not the JSON of a secret"},
		"authority: 302":               {"token", elsewhere(302, evil+"/t/oauth2/v2.0/token"), "redirect to evil.other.localhost"},
		"authority: 307":               {"token", elsewhere(307, evil+"/t/oauth2/v2.0/token"), "redirect to evil.other.localhost"},
		"authority: 308 to plain http": {"token", elsewhere(308, "http://evil.other.localhost:80/"), "redirect to evil.other.localhost"},
		"authority: 5 MiB":             {"token", flood(5<<20, false), "longer than 1 MiB"},
		"authority: without an end":    {"token", drip, "no answer from"},
		"authority: cut":               {"token", cut, "no answer from"},
		"authority: a sign-in page":    {"token", body("<html>sign in</html>"), "not the JSON of a token"},
		"authority: no token":          {"token", body(`{"expires_in":3600}`), "holds no access token"},
		"authority: a token of two lines": {"token", body(`{"expires_in":3600,"access_token":"a\r\nX-Evil: 1"}`),
			"holds no access token"},
		"authority: not a bearer":      {"token", body(`{"expires_in":3600,"access_token":"a","token_type":"pop"}`), "no bearer token"},
		"authority: without an expiry": {"token", body(`{"access_token":"a"}`), "does not say when"},
		"authority: expired already":   {"token", body(`{"access_token":"a","expires_in":-5}`), "has expired already"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			evil := newAzure(t)
			turned := clock.NewFake()
			n := newNode(t, func(s *settings) {
				s.clock, s.share.MaxWait = turned, -1
				if strings.HasSuffix(name, "without an end") {
					s.transport.Timeout = 1500 * time.Millisecond
				}
				s.transport.CA = append(s.transport.CA, evil.ca...)
				s.azure.Freshness = 0
			})
			mounted := n.pod(parameters(secrets("a")))
			mounted.mustMount()
			before := mounted.files()
			n.azure.requests()
			turned.Advance(2 * time.Hour) // no token and no answer is fresh
			mounted.tokens = n.tokens("shop", "web")
			n.azure.on(only(test.kinds, func(w http.ResponseWriter, r *http.Request) {
				test.lie(rewriting{w, evil.port}, r)
			}))

			p := n.pod(parameters(secrets("a")))
			said := p.refused(p.mount(), codes.Unavailable, codes.PermissionDenied, codes.Unauthenticated)
			if !strings.Contains(said, test.says) || strings.Contains(said, "access-token-") || strings.Contains(said, "hostile") || strings.ContainsAny(said, "\r\n") {
				t.Errorf("said: %s", said)
			}
			turned.Advance(10 * time.Minute)
			if err := mounted.mount(); err != nil {
				t.Errorf("the kubelet was told of a failed republish: %v", err)
			}
			if r := mounted.last(); r.Err == nil && r.Report.Age == 0 {
				t.Errorf("nobody was told that what is mounted is old: %+v", r)
			}
			if after := mounted.files(); !maps.Equal(before, after) {
				t.Errorf("files were %v and are %v", before, after)
			}
			if list := evil.requests(); len(list) != 0 {
				t.Errorf("it called: %v", list)
			}
		})
	}
}

// rewriting puts the other server's port into what points there.
type rewriting struct {
	http.ResponseWriter
	port string
}

func (r rewriting) WriteHeader(code int) {
	for _, key := range []string{"Location", "Www-Authenticate"} {
		if v := r.Header().Get(key); v != "" {
			r.Header().Set(key, strings.ReplaceAll(v, "EVIL", r.port))
		}
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r rewriting) Flush() { r.ResponseWriter.(http.Flusher).Flush() }

func TestAListOfVersionsStaysWithItsVaultAndEnds(t *testing.T) {
	t.Parallel()
	page := func(next string) lie {
		return func(w http.ResponseWriter, r *http.Request) {
			answer(w, 200, map[string]any{"value": []any{map[string]any{"id": "https://" + r.Host + "/secrets/a/" + version1}}, "nextLink": strings.ReplaceAll(next, "HOST", r.Host)})
		}
	}
	pages := 0
	for name, test := range map[string]struct {
		lie   lie
		says  string
		calls int
	}{
		"another host":       {page("https://evil.other.localhost/secrets/a/versions?p=2"), "goes on at another host", 1},
		"another vault":      {page("https://kv-two.vault.fake.localhost/secrets/a/versions?p=2"), "goes on at another host", 1},
		"a host with a user": {page("https://HOST@evil.other.localhost/?p=2"), "goes on at another host", 1},
		"a user at our host": {page("https://user:password@HOST/?p=2"), "goes on at another host", 1},
		"plain http":         {page("http://HOST/secrets/a/versions?p=2"), "goes on at another host", 1},
		"a backslash":        {page(`https://evil.other.localhost\@HOST/?p=2`), "", 1},
		"no address":         {page("//"), "no address", 1},
		"in a circle":        {page("https://HOST/secrets/a/versions?p=2"), "comes back to a page", 2},
		"without an end": {func(w http.ResponseWriter, r *http.Request) {
			pages++
			page(fmt.Sprintf("https://HOST/secrets/a/versions?p=%d", pages))(w, r)
		}, "more than 200 pages", 200},
		"an id that climbs": {body(`{"value":[{"id":"https://x/secrets/a/.."}]}`), "an id without a version", 1},
		"a page of nothing": {body(`{"value":[]}`), "no enabled version", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.azure.on(only("versions", test.lie))
			p := n.pod(parameters(secrets("a,objectVersionHistory: 3")))
			said := p.refused(p.mount(), codes.Unavailable, codes.FailedPrecondition, codes.NotFound)
			if !strings.Contains(said, test.says) {
				t.Errorf("said: %s", said)
			}
			list := n.azure.requests()
			if count(list, "token") != 1 || count(list, "versions") != test.calls || count(list, "") != test.calls+1 {
				t.Errorf("requests: %v", list)
			}
		})
	}
}

// A vault that answers is up. One object that cannot be read must not shut the vault for every other pod of the node,
// nor the authority for every other identity.
func TestAnObjectThatMakesNoSenseIsNobodyElsesTrouble(t *testing.T) {
	t.Parallel()
	for name, nonsense := range map[string]lie{
		"no value": body(`{"id":"https://x/secrets/bad/1"}`), "no JSON": body("{"), "too large": flood(2<<20, false), "redirected": elsewhere(302, "https://evil.other.localhost/"),
		"server error": status(500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, func(s *settings) { s.clock, s.share.MaxWait = clock.NewFake(), -1 })
			n.azure.on(func(kind string, w http.ResponseWriter, r *http.Request) bool {
				if kind == "secrets" && strings.Contains(r.URL.Path, "/bad/") {
					nonsense(w, r)
					return true
				}
				return false
			})
			bad := n.pod(parameters(secrets("bad")))
			bad.refused(bad.mount(), codes.Unavailable)
			n.pod(parameters(secrets("good"))).mustMount()
		})
	}
}
