package nmi_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// A token is given to the pod that is bound and asked for by name from the node, and to nobody else.
func FuzzRequest(f *testing.F) {
	f.Add("/host/token/?resource=x", "shop", "web", "127.0.0.1:1")
	f.Add("/host/token?resource=x", "shop", "web", "[::ffff:10.0.0.1]:1")
	f.Add("/metadata/identity/oauth2/token", "", "", "")
	f.Fuzz(func(t *testing.T, target, namespace, pod, remote string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: nmi\r\n\r\n")))
		if err != nil {
			return // Go's server refuses it by itself
		}
		w := serve(r, namespace, pod, remote)
		if given := strings.Contains(w.Body.String(), "token for"); given && (namespace+"/"+pod != "shop/web" || w.Code != http.StatusOK) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
