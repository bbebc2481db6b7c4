package control_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// What programs send is done or refused as their mistake; what a browser sends, or another machine's name, is refused.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/faults", `[{"service":"entra","status":500}]`, "127.0.0.1", "")
	f.Add("POST", "/serviceaccounttoken", `{"namespace":"a","name":"b","ttl":"-1h"}`, "localhost:1", "")
	f.Add("POST", "/serviceaccounttoken", `{"namespace":"a","name":"b","ttl":"10m"}`, "elsewhere.example", "null")
	f.Add("POST", "/additions", "x", "[::1]:5", "")
	h, _, _ := newEndpoint()
	f.Fuzz(func(t *testing.T, method, path, body, host, origin string) {
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + endpoint + "/" + path + " HTTP/1.0\r\n\r\n"))); err != nil {
			return // Go's server refuses it by itself, and what makes requests for tests panics
		}
		w := send(h, method, "/"+path, body, func(r *http.Request) {
			r.Host = host
			r.Header.Set("Origin", origin)
		})
		if w.Code >= 500 || w.Code < 300 && origin != "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
