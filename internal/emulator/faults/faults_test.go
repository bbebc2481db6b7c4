package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/faults"
)

const page = "0123456789abcdefghij"

// serve puts a table in front of a page that always succeeds, as the key vault service.
func serve(t *testing.T, list ...faults.Fault) (*httptest.Server, *faults.Table, *clock.Fake) {
	t.Helper()
	for _, f := range list {
		if problems := f.Check(); len(problems) > 0 {
			t.Fatalf("%+v: %v", f, problems)
		}
	}
	fake := clock.NewFake()
	table := faults.NewTable(fake)
	table.Set(list)
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	server := httptest.NewUnstartedServer(table.Wrap(faults.KeyVault, "", next))
	server.Config.ConnContext = faults.ConnContext
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, table, fake
}

type answer struct {
	status     int
	retryAfter string
	body       string
	err        error
}

func get(server *httptest.Server, path string) answer {
	resp, err := server.Client().Get(server.URL + path)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Retry-After"), string(body), err}
}

func TestAnswersInTheServicesPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      faults.Fault
		status     int
		retryAfter string
		code       string
	}{
		"throttled":                {faults.Fault{Status: 429}, 429, "", "Throttled"},
		"throttled, told to wait":  {faults.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond}, 429, "2", "Throttled"},
		"throttled beyond a retry": {faults.Fault{Status: 429, RetryAfter: 90 * time.Second}, 429, "90", "Throttled"},
		"away":                     {faults.Fault{Status: 503}, 503, "", "ServiceUnavailable"},
		"broken":                   {faults.Fault{Status: 500}, 500, "", "InternalServerError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.fault.Service = faults.KeyVault
			server, _, _ := serve(t, test.fault)
			got := get(server, "/secrets/a")
			if got.status != test.status || got.retryAfter != test.retryAfter {
				t.Errorf("got status %d, Retry-After %q", got.status, got.retryAfter)
			}
			var body struct{ Error struct{ Code string } }
			if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Error.Code != test.code {
				t.Errorf("body %s (%v), want code %s", got.body, err, test.code)
			}
		})
	}
}

func TestStrikesOnlyWhatMatches(t *testing.T) {
	t.Parallel()
	server, table, _ := serve(t,
		faults.Fault{Service: faults.Entra, Status: 500},
		faults.Fault{Service: faults.KeyVault, Host: "elsewhere", Status: 500},
		faults.Fault{Service: faults.KeyVault, Path: "/keys/", Status: 500},
		faults.Fault{Service: faults.KeyVault, Path: "/secrets/", Host: "127.0.0.1", Status: 429, Count: 2},
		faults.Fault{Service: faults.KeyVault, Path: "/secrets/", Status: 503, Count: 1},
	)
	var seen []int
	for range 4 {
		seen = append(seen, get(server, "/secrets/a").status)
	}
	if diff := cmp.Diff([]int{429, 429, 503, 200}, seen); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if left := len(table.List()); left != 3 {
		t.Errorf("%d faults left, want the 3 that did not match", left)
	}
	table.Set(nil)
	if got := get(server, "/keys/a").status; got != 200 {
		t.Errorf("after clearing: %d", got)
	}
}

func TestOutageClosesTheConnection(t *testing.T) {
	t.Parallel()
	server, table, _ := serve(t, faults.Fault{Service: faults.KeyVault, Outage: true})
	if got := get(server, "/"); got.err == nil {
		t.Fatalf("got an answer: %d", got.status)
	}
	table.Set(nil)
	if got := get(server, "/"); got.err != nil || got.body != page {
		t.Fatalf("after the outage: %+v", got)
	}
}

func TestCutBodyAnnouncesMoreThanItSends(t *testing.T) {
	t.Parallel()
	server, _, _ := serve(t, faults.Fault{Service: faults.KeyVault, CutBody: true})
	got := get(server, "/")
	if got.status != 200 || got.err == nil || got.body != page[:10] {
		t.Fatalf("got %+v, want half the page and an error", got)
	}
}

func TestLatencyWaitsOnTheClock(t *testing.T) {
	t.Parallel()
	server, _, fake := serve(t, faults.Fault{Service: faults.KeyVault, Latency: time.Minute})
	done := make(chan answer, 1)
	go func() { done <- get(server, "/") }()
	fake.BlockUntil(1)
	fake.Advance(time.Minute)
	if got := <-done; got.body != page {
		t.Fatalf("got %+v", got)
	}
}

func TestLatencyEndsWithItsClient(t *testing.T) {
	t.Parallel()
	server, _, fake := serve(t, faults.Fault{Service: faults.KeyVault, Latency: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		_, err := server.Client().Do(req)
		done <- err
	}()
	fake.BlockUntil(1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestSlowBodyComesInPieces(t *testing.T) {
	t.Parallel()
	server, _, fake := serve(t, faults.Fault{Service: faults.KeyVault, SlowBody: 10 * time.Second})
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err) // the headers come at once, with the clock standing still
	}
	defer resp.Body.Close()
	var body strings.Builder
	piece := make([]byte, 64)
	for range 10 {
		fake.BlockUntil(1)
		fake.Advance(time.Second)
		n, err := resp.Body.Read(piece)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		body.Write(piece[:n])
	}
	if body.String() != page {
		t.Errorf("got %q", body.String())
	}
}

func TestClockSkewIsSeenByItsServiceAlone(t *testing.T) {
	t.Parallel()
	server, table, fake := serve(t, faults.Fault{Service: faults.KeyVault, ClockSkew: -time.Hour})
	if got := table.Clock(faults.KeyVault).Now(); !got.Equal(fake.Now().Add(-time.Hour)) {
		t.Errorf("key vault's clock: %s", got)
	}
	if got := table.Clock(faults.Entra).Now(); !got.Equal(fake.Now()) {
		t.Errorf("entra's clock: %s", got)
	}
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got, want := resp.Header.Get("Date"), fake.Now().Add(-time.Hour).Format(http.TimeFormat); got != want {
		t.Errorf("Date %q, want %q", got, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]faults.Fault{
		"unknown service":         {Service: "storage", Status: 500},
		"has no effect":           {Service: faults.IMDS},
		"must be an error status": {Service: faults.IMDS, Status: 200},
		"goes only with a status": {Service: faults.IMDS, Latency: 1, RetryAfter: 1},
		"no other field":          {Service: faults.IMDS, ClockSkew: 1, Path: "/x"},
		"may not be negative":     {Service: faults.IMDS, Status: 500, Count: -1},
	} {
		if err := f.Check().AsError(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", f, err, want)
		}
	}
}

func TestJSONSpellsDurations(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(faults.Fault{Service: faults.IMDS, Host: "node-1", Status: 429, RetryAfter: 90 * time.Second})
	if want := `{"service":"imds","host":"node-1","status":429,"retryAfter":"1m30s"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}
