package control_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/control"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/journal"
	"strongroom/internal/fault"
)

func newEndpoint() (http.Handler, *journal.Journal, *faults.Table) {
	j, table := journal.New(10), faults.NewTable(clock.NewFake())
	return control.New(control.Config{
		Endpoints: map[string]string{"authority": "https://login.azure.localhost:8443"},
		CA:        []byte("-----BEGIN CERTIFICATE-----\n"), CloudFile: []byte(`{"name":"AzureStackCloud"}`),
		Journal: j, Faults: table,
		Mint: func(namespace, name, audience string, ttl time.Duration) (string, time.Time, error) {
			return strings.Join([]string{namespace, name, audience, ttl.String()}, " "), clock.NewFake().Now().Add(ttl), nil
		},
		Add: func(piece []byte) (any, error) {
			if len(piece) == 0 {
				return nil, fault.New(fault.Invalid, "piece", "is empty")
			}
			return map[string]int{"bytes": len(piece)}, nil
		},
		Dump: func() ([]byte, error) { return []byte(`{"vaults":{}}`), nil },
	}), j, table
}

const endpoint = "http://127.0.0.1:9999/_emulator"

func send(h http.Handler, method, path, body string, mutate func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, endpoint+path, strings.NewReader(body))
	if mutate != nil {
		mutate(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestShows(t *testing.T) {
	t.Parallel()
	h, j, _ := newEndpoint()
	j.Add(journal.Record{Kind: "token"})
	for path, want := range map[string]string{
		"/":           "serviceaccounttoken",
		"/endpoints":  `"authority": "https://login.azure.localhost:8443"`,
		"/ca.pem":     "BEGIN CERTIFICATE",
		"/cloud.json": `"name": "AzureStackCloud"`,
		"/requests":   `"token": 1`,
		"/faults":     "[]",
		"/state":      `"vaults": {}`,
	} {
		if w := send(h, "GET", path, "", nil); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestRefusesBrowsers(t *testing.T) {
	t.Parallel()
	h, _, _ := newEndpoint()
	for name, mutate := range map[string]func(*http.Request){
		"an origin":         func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9999") },
		"another site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a rebound name":    func(r *http.Request) { r.Host = "evil.example:9999" },
		"a look-alike":      func(r *http.Request) { r.Host = "localhost.evil.example" },
		"no host":           func(r *http.Request) { r.Host = "" },
		"a vault's name":    func(r *http.Request) { r.Host = "kv.vault.azure.localhost:9999" },
		"another machine's": func(r *http.Request) { r.Host = "192.0.2.1:9999" },
	} {
		if w := send(h, "GET", "/state", "", mutate); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for _, host := range []string{"localhost:9999", "127.0.0.1", "[::1]:9999"} {
		if w := send(h, "GET", "/endpoints", "", func(r *http.Request) { r.Host = host }); w.Code != 200 {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	h, _, table := newEndpoint()
	if w := send(h, "PUT", "/faults", `[{"service":"keyvault","status":503,"count":2}]`, nil); w.Code != 200 || len(table.List()) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := send(h, "PUT", "/faults", `[{"service":"storage","status":503}]`, nil); w.Code != 400 || len(table.List()) != 1 {
		t.Errorf("a wrong one: %d %s", w.Code, w.Body)
	}
	if w := send(h, "DELETE", "/faults", "", nil); w.Code != 204 || len(table.List()) != 0 {
		t.Errorf("%d", w.Code)
	}
}

func TestAdds(t *testing.T) {
	t.Parallel()
	h, _, _ := newEndpoint()
	if w := send(h, "POST", "/additions", "vaults: []", nil); w.Code != 200 || !strings.Contains(w.Body.String(), `"bytes": 10`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := send(h, "POST", "/additions", "", nil); w.Code != 400 {
		t.Errorf("nothing to add: %d %s", w.Code, w.Body)
	}
}

func TestResetsTheLog(t *testing.T) {
	t.Parallel()
	h, j, _ := newEndpoint()
	j.Add(journal.Record{Kind: "token"})
	if w := send(h, "DELETE", "/requests", "", nil); w.Code != 204 || j.Total() != 0 {
		t.Errorf("%d, %d left", w.Code, j.Total())
	}
}

func TestMints(t *testing.T) {
	t.Parallel()
	h, _, _ := newEndpoint()
	for body, want := range map[string]string{
		`{"namespace":"shop","name":"web"}`:                                      "shop web api://AzureADTokenExchange 1h0m0s",
		`{"namespace":"shop","name":"web","audience":"api://other","ttl":"10m"}`: "shop web api://other 10m0s",
	} {
		w := send(h, "POST", "/serviceaccounttoken", body, nil)
		var got struct{ Token, ExpirationTimestamp string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Token != want || !strings.HasPrefix(got.ExpirationTimestamp, "2030-01-02T0") {
			t.Errorf("%s: %s", body, w.Body)
		}
	}
	for _, body := range []string{``, `[]`, `{"namespace":"shop"}`, `{"namespace":"a","name":"b","ttl":"48h"}`, `{"namespace":"a","name":"b","ttl":"x"}`, `{"namespace":"a","name":"b","x":1}`} {
		if w := send(h, "POST", "/serviceaccounttoken", body, nil); w.Code != 400 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestOtherMethodsAndPaths(t *testing.T) {
	t.Parallel()
	h, _, _ := newEndpoint()
	for request, want := range map[string]int{"POST /state": 405, "GET /serviceaccounttoken": 405, "GET /nothing": 404} {
		method, path, _ := strings.Cut(request, " ")
		if w := send(h, method, path, "", nil); w.Code != want {
			t.Errorf("%s: %d", request, w.Code)
		}
	}
}
