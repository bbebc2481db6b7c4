package azure_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
	"strongroom/internal/provider/azure"
)

// The daemon's answer names a client id; whom the vault sees is in the token. Somebody else's token under the same client
// id gets nothing that was read with the first.
func TestPodIdentitySharesByWhomTheVaultSees(t *testing.T) {
	t.Parallel()
	var n *node
	var holder atomic.Value
	holder.Store(managed)
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := n.azure.Directory().Find(holder.Load().(string))
		issued, err := n.azure.Directory().Issue(who.ObjectID, r.URL.Query().Get("resource"), entra.Grant{Proof: entra.ByAssertion})
		if err != nil {
			t.Error(err)
		}
		_, _ = fmt.Fprintf(w, `{"token":{"access_token":%q,"expires_in":"3600","token_type":"Bearer"},"clientid":%q}`, issued.Value.Reveal(), managed)
	}))
	t.Cleanup(daemon.Close)
	n = newNode(t, func(_ *azure.Config, c *token.Config) { c.NMI = daemon.URL })
	ask := func() error {
		req := n.request("secret/a")
		req.Attributes["usePodIdentity"] = "true"
		_, err := n.Mount(t.Context(), within(req, time.Hour))
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if calls := n.calls(func() { _ = ask() }); calls["secret-get"] != 0 {
		t.Errorf("the same holder's second mount cost %v", calls)
	}
	holder.Store(other)
	if err := ask(); fault.KindOf(err) != fault.Denied {
		t.Errorf("somebody else under that client id got %v", err)
	}
}

// On a Windows node pod identity is refused at once, with that reason and without a request.
func TestPodIdentityOnWindows(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *azure.Config, _ *token.Config) { c.System = "windows" })
	req := n.request("secret/a")
	req.Attributes["usePodIdentity"] = "true"
	var err error
	if calls := n.calls(func() { _, err = n.Mount(t.Context(), req) }); len(calls) != 0 {
		t.Errorf("it cost %v", calls)
	}
	if text := fault.Explain(err); fault.KindOf(err) != fault.Unsupported || !strings.Contains(text, "no pod identity on Windows nodes") || !strings.Contains(text, "workload identity") {
		t.Error(text)
	}
}

// What the daemon says, and what it says would mend it, is what the mount's error says.
func TestTheDaemonsWordsReachTheMount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		words  []string
	}{
		"ours": {404, "shop/web-1: the pod has no label aadpodidbinding; to mend: give the pod the label", fault.NotFound,
			[]string{"shop/web-1: the pod has no label aadpodidbinding", "to mend: give the pod the label"}},
		"ours, later": {503, "getting assigned identities for pod shop/web-1 in ASSIGNED state failed after 20 attempts, retry duration [5]s, error: x; to mend: see what MIC waits for", fault.Unavailable,
			[]string{"getting assigned identities for pod shop/web-1 in ASSIGNED state failed after 20 attempts, retry duration [5]s", "see what MIC waits for"}},
		"the original's": {404, "getting assigned identities for pod shop/web-1 in CREATED state failed after 16 attempts, retry duration [5]s, error: <nil>", fault.NotFound,
			[]string{"status code: 404", "kubectl get azureidentitybindings,azureassignedidentities"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, c.body, c.status) }))
			t.Cleanup(daemon.Close)
			n := newNode(t, func(_ *azure.Config, c *token.Config) { c.NMI = daemon.URL })
			req := n.request("secret/a")
			req.Attributes["usePodIdentity"] = "true"
			_, err := n.Mount(t.Context(), req)
			text := fault.Explain(err)
			if fault.KindOf(err) != c.kind {
				t.Errorf("kind %s", fault.KindOf(err))
			}
			for _, word := range c.words {
				if !strings.Contains(text, word) {
					t.Errorf("%q is not in %s", word, text)
				}
			}
		})
	}
}
