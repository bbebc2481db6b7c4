package kube

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

func TestEveryRefusalHasItsKind(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]fault.Kind{
		400: fault.Invalid, 401: fault.Expired, 403: fault.Denied, 405: fault.Invalid, 406: fault.Invalid, 408: fault.Unavailable,
		409: fault.Busy, 410: fault.Unavailable, 413: fault.Invalid, 415: fault.Invalid, 422: fault.Invalid, 429: fault.Throttled,
		500: fault.Unavailable, 502: fault.Unavailable, 503: fault.Unavailable, 504: fault.Unavailable,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Put(podOf("web", "u1", ""))
			w.Fail(kubefake.Fault{Status: status, RetryAfter: 7})
			_, err := w.client.Pods("n1").Pod(t.Context(), "shop", "web", "u1")
			if fault.KindOf(err) != kind || fault.RetryAfterOf(err) != 7*time.Second {
				t.Errorf("%v, again in %s: %v", fault.KindOf(err), fault.RetryAfterOf(err), err)
			}
			if n := len(w.Calls()); n != 1 {
				t.Errorf("%d calls: somebody tries again behind our back", n)
			}
		})
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Stop()
	_, err := w.client.Secrets().Get(t.Context(), "shop", "db")
	if fault.KindOf(err) != fault.Unavailable || !strings.HasPrefix(err.Error(), "API server: no answer to get api/v1/namespaces/shop/secrets/db: ") {
		t.Error(err)
	}
	resume(t, w)
	w.Fail(kubefake.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.client.Secrets().Get(ctx, "shop", "db"); fault.KindOf(err) != fault.Unavailable || ctx.Err() == nil {
		t.Error(err)
	}
}

func TestAPermissionIsNamedAsItIsGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Fail(kubefake.Fault{Status: http.StatusForbidden})
	const who = "let ServiceAccount kube-system/secrets-store-csi-driver "
	const as = " --as=system:serviceaccount:kube-system:secrets-store-csi-driver"
	for want, err := range map[string]error{
		who + "patch nodes cluster-wide": second(w.client.raw(t.Context(), merge(nodes.at("", "n1"), nil))),
		who + "list pods cluster-wide by a role and its binding; to check: kubectl auth can-i list pods" + as: second(w.client.raw(t.Context(), call{verb: http.MethodGet, path: pods.at("", "")})),
		who + "patch secretproviderclasses.secrets-store.csi.x-k8s.io/status in namespace shop by a role and its binding; to check: " +
			"kubectl auth can-i patch secretproviderclasses.secrets-store.csi.x-k8s.io -n shop --subresource=status" + as: second(w.client.raw(t.Context(), apply(classes.at("shop", "vault", "status"), nil, true))),
	} {
		if got := strings.Join(fault.Remedies(err), ""); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	w.Heal()
	w.Fail(kubefake.Fault{Status: http.StatusForbidden, Message: `pods "x" is forbidden: exceeded quota: 1`})
	_, err := w.client.raw(t.Context(), merge(pods.at("shop", "x"), nil))
	if len(fault.Remedies(err)) != 0 || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("a refusal of another sort: %s", fault.Explain(err))
	}
}

func second(_ []byte, err error) error { return err }

func TestLongWordsAreCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Fail(kubefake.Fault{Status: 500, Message: "a\nb " + strings.Repeat("ü", 5000)})
	_, err := w.client.Version(t.Context())
	if err != nil {
		t.Error("the version is behind no fault:", err)
	}
	_, err = w.client.Driver(t.Context(), "d")
	if len(err.Error()) > longestLine+100 || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "a b ü") {
		t.Error(err)
	}
}
