package nmi_test

import (
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
		if !strings.HasPrefix(target, "/") {
			return
		}
		if _, err := http.NewRequest(http.MethodGet, target, nil); err != nil || strings.ContainsAny(target, " \r\n\t\x00") {
			return
		}
		w := ask(target, namespace, pod, remote)
		if given := strings.Contains(w.Body.String(), "token for"); given && (namespace+"/"+pod != "shop/web" || w.Code != http.StatusOK) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
