package nmi_test

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
)

var anyToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

// raw writes bytes from the n-th pod's address and gives everything that comes back until the connection is closed.
func (w *world) raw(n int, said string) string {
	w.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: at(n).AsSlice()}}
	conn, err := dialer.DialContext(w.t.Context(), "tcp", strings.TrimPrefix(w.base, "http://"))
	must(w.t, err)
	defer func() { _ = conn.Close() }()
	must(w.t, conn.SetDeadline(time.Now().Add(2*time.Minute)))
	_, _ = io.WriteString(conn, said) // it may be cut off while it speaks
	heard, err := io.ReadAll(conn)
	if err != nil && strings.Contains(err.Error(), "timeout") {
		w.t.Errorf("the connection was held after %q", heard)
	}
	return string(heard)
}

// Whatever bytes a pod sends, it gets its own tokens or none: neither the pod's at another address, nor the node's by the
// host endpoint or through what is passed on to the metadata service.
func TestNoSpellingOfHTTPMakesAPodAnother(t *testing.T) {
	t.Parallel()
	const (
		path    = tokenPath + "?api-version=2018-02-01&resource=" + vault
		own     = "GET " + path + " HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n"
		host    = "GET /host/token/?resource=" + vault + " HTTP/1.1\r\nHost: x\r\nMetadata: true\r\npodns: shop\r\npodname: web\r\n"
		last    = "Connection: close\r\n\r\n"
		claims  = "X-Forwarded-For: 127.0.1.1\r\nX-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nX-Real-Ip: 127.0.1.1\r\n"
		unknown = "POST /unknown HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n"
	)
	smuggled := "0\r\n\r\n" + own + last
	for name, test := range map[string]struct {
		said   string
		status []string // of the answers, in order; nil is any
		tokens int      // how many of its own it gets, where status is given
	}{
		"HTTP/1.0":                         {"GET " + path + " HTTP/1.0\r\nMetadata: true\r\n" + claims + "\r\n", []string{"200"}, 1},
		"HTTP/1.0 to the host endpoint":    {"GET /host/token/?resource=" + vault + " HTTP/1.0\r\npodns: shop\r\npodname: web\r\n" + claims + "\r\n", []string{"403"}, 0},
		"HTTP/0.9":                         {"GET " + path + "\r\n", []string{"400"}, 0},
		"HTTP/2's preface":                 {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", nil, 0},
		"an upgrade to HTTP/2":             {own + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", []string{"200"}, 1},
		"the PROXY protocol":               {"PROXY TCP4 127.0.1.1 127.0.0.1 1 2\r\n" + own + last, []string{"400"}, 0},
		"forwarding headers":               {own + claims + last, []string{"200"}, 1},
		"two hosts":                        {own + "Host: y\r\n" + last, []string{"400"}, 0},
		"no host":                          {strings.Replace(own, "Host: x\r\n", "", 1) + last, []string{"400"}, 0},
		"a host that is the node":          {strings.Replace(own, "Host: x", "Host: 127.0.0.1:2579", 1) + last, []string{"200"}, 1},
		"the absolute form":                {strings.Replace(own, "GET ", "GET http://169.254.169.254", 1) + last, []string{"400"}, 0},
		"the absolute form of the host's":  {strings.Replace(host, "GET ", "GET http://127.0.0.1:2579", 1) + claims + last, []string{"400"}, 0},
		"the absolute form of elsewhere":   {"GET http://127.0.1.1:1/unknown HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n" + last, []string{"400"}, 0},
		"CONNECT":                          {"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nMetadata: true\r\n" + last + own + last, nil, 0},
		"a header folded into another":     {strings.Replace(own, "Metadata: true", "X-A: b\r\n Metadata: true", 1) + last, nil, 0},
		"a folded value":                   {strings.Replace(host, "podns: shop", "podns:\r\n\tshop", 1) + "X-Forwarded-For:\r\n 127.0.0.1\r\n" + last, nil, 0},
		"a blank before the colon":         {strings.Replace(own, "Metadata:", "Metadata :", 1) + last, []string{"400"}, 0},
		"a NUL in a header":                {own + "X-A: a\x00b\r\n" + last, []string{"400"}, 0},
		"bare line feeds":                  {strings.ReplaceAll(own+claims+last, "\r\n", "\n"), nil, 0},
		"a length and chunks":              {unknown + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled, nil, 0},
		"chunks and a length":              {unknown + "Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n" + smuggled, nil, 0},
		"two lengths":                      {unknown + "Content-Length: 5\r\nContent-Length: 500\r\n\r\n" + smuggled, []string{"400"}, 0},
		"a length with a sign":             {unknown + "Content-Length: +5\r\n\r\n" + smuggled, []string{"400"}, 0},
		"a coding nobody knows":            {unknown + "Transfer-Encoding: xchunked\r\n\r\n" + smuggled, []string{"501"}, 0},
		"a coding twice":                   {unknown + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + smuggled, nil, 0},
		"a blank before the coding":        {unknown + "Transfer-Encoding : chunked\r\n\r\n" + smuggled, []string{"400"}, 0},
		"a body that looks like a request": {unknown + "Content-Length: 400\r\nConnection: close\r\n\r\n" + own + last + strings.Repeat("x", 400), nil, 0},
		"line breaks in a path":            {"GET /unknown%0d%0a%0d%0aGET%20" + tokenPath + "%3fresource=x HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n" + last, nil, 0},
		"pipelined":                        {own + "\r\n" + host + claims + "\r\n" + own + claims + last, []string{"200", "403", "200"}, 2},
		"a trailer that says who asks":     {strings.Replace(host, "GET", "POST", 1) + "Transfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\nConnection: close\r\n\r\n0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := one(t)
			w.assign(w.pod(2, "shop", "thief", "theirs"), w.identity("shop", "two"), aadpodidentity.Assigned)
			w.holds(w.token(1, ""), "one")
			w.holds(w.token(2, ""), "two")
			heard := w.raw(2, test.said)
			tokens := anyToken.FindAllString(heard, -1)
			for _, token := range tokens {
				w.belongs(token, "two")
			}
			var status []string
			for _, line := range regexp.MustCompile(`HTTP/1\.[01] (\d+) [A-Z]`).FindAllStringSubmatch(heard, -1) {
				status = append(status, line[1])
			}
			if test.status != nil && (strings.Join(status, " ") != strings.Join(test.status, " ") || len(tokens) != test.tokens) {
				t.Errorf("%d tokens in answers %v: %s", len(tokens), status, heard)
			}
			if got := w.imdsCalls(); got != 2 {
				t.Errorf("the metadata service was asked %d times for the tokens of two pods", got)
			}
			w.holds(w.token(1, ""), "one")
		})
	}
}
