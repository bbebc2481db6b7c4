package nmi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/nmi"
	"strongroom/internal/secret"
)

type signer struct{ now time.Time }

func (s signer) Issue(objectID, _ string, _ entra.Grant) (entra.Token, error) {
	if objectID == "gone" {
		return entra.Token{}, entra.UnknownObject
	}
	return entra.Token{Value: secret.NewValue([]byte("token for " + objectID)), NotBefore: s.now, ExpiresOn: s.now.Add(time.Hour)}, nil
}

// bound is the cluster of these tests: shop/web has two identities, shop/old one that was deleted.
func bound(namespace, pod string) []entra.Principal {
	switch namespace + "/" + pod {
	case "shop/web":
		return []entra.Principal{
			{ObjectID: "a", ClientID: "a-client", ResourceID: "/s/a"},
			{ObjectID: "b", ClientID: "b-client", ResourceID: "/s/b"},
		}
	case "shop/old":
		return []entra.Principal{{ObjectID: "gone", ClientID: "gone-client"}}
	}
	return nil
}

func ask(target, namespace, pod, remote string) *httptest.ResponseRecorder {
	return serve(httptest.NewRequest(http.MethodGet, target, nil), namespace, pod, remote)
}

func serve(r *http.Request, namespace, pod, remote string) *httptest.ResponseRecorder {
	fake := clock.NewFake()
	server := nmi.New(nmi.Config{Bound: bound, Tokens: signer{fake.Now()}, Clock: fake})
	r.Header.Set("podns", namespace)
	r.Header.Set("podname", pod)
	r.RemoteAddr = remote
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w
}

func TestAnswersABoundPod(t *testing.T) {
	t.Parallel()
	for query, object := range map[string]string{
		"":                     "a",
		"&client_id=B-CLIENT":  "b",
		"&msi_res_id=/s/b":     "b",
		"&mi_res_id=%2Fs%2Fb":  "b",
		"&client_id=a-client&": "a",
	} {
		w := ask("/host/token/?resource=https://vault.azure.net"+query, "shop", "web", "127.0.0.1:1")
		var got struct {
			Token    map[string]string
			ClientID string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		}
		want := map[string]string{
			"access_token": "token for " + object, "refresh_token": "", "expires_in": "3600", "token_type": "Bearer",
			"expires_on": "1893557045", "not_before": "1893553445", "resource": "https://vault.azure.net",
		}
		if diff := cmp.Diff(want, got.Token); diff != "" || got.ClientID != object+"-client" {
			t.Errorf("%q: client %s (-want +got):\n%s", query, got.ClientID, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const asked, here = "/host/token?resource=https://vault.azure.net", "127.0.0.1:1"
	for name, test := range map[string]struct {
		target, namespace, pod, remote string
		status                         int
		text                           string
	}{
		"a pod that is not bound":      {asked, "shop", "db", here, 404, "getting assigned identities for pod shop/db in CREATED state failed after 1 attempts"},
		"another namespace":            {asked, "bank", "web", here, 404, "for pod bank/web"},
		"an identity it does not have": {asked + "&client_id=c", "shop", "web", here, 404, "no identity is bound"},
		"a deleted identity":           {asked, "shop", "old", here, 403, "shop/old"},
		"no pod":                       {asked, "shop", "", here, 400, "missing 'podname' and 'podns' from request header"},
		"no resource":                  {"/host/token/", "shop", "web", here, 400, "parameter resource cannot be empty"},
		"from another machine":         {asked, "shop", "web", "192.0.2.1:1", 500, "request remote address is not from a host"},
		"another path":                 {"/host/tokens?resource=x", "shop", "web", here, 404, "Not found"},
	} {
		w := ask(test.target, test.namespace, test.pod, test.remote)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}
