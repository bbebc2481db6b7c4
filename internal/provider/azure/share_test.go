package azure_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/token"
	"strongroom/internal/emulator"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/azure"
	"strongroom/internal/secret"
)

func TestAHundredPodsSeenBeforeTheFirstReadCostAsMuchAsOne(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	requests := make([]provider.Request, 100)
	for i := range requests {
		requests[i] = within(n.workload("web", "secret/a", "secret/b"), time.Minute)
	}
	calls := n.calls(func() {
		var group errgroup.Group
		for _, req := range requests {
			group.Go(func() error {
				_, err := n.Mount(t.Context(), req)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	if calls["token"] != 1 || calls["secret-get"] != 2 || len(calls) != 2 {
		t.Errorf("calls: %v", calls)
	}
}

func TestWhoeverChangesASecretAndThenStartsAPodFindsTheChange(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.must(n.workload("web", "secret/a"))
	if _, err := n.azure.Vaults().SetSecret("policies-kv", "a", secret.NewValue([]byte("changed"))); err != nil {
		t.Fatal(err)
	}
	if got := content(n.must(n.workload("web", "secret/a")), "a"); got != "changed" {
		t.Errorf("a pod first seen after the change got %q", got)
	}
}

func TestADriverThatStatesNoAgeGetsTheProvidersWindow(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *azure.Config, _ *token.Config) { c.Freshness = time.Minute })
	req := n.workload("web", "secret/a")
	req.Freshness = provider.Freshness{}
	n.must(req)
	if calls := n.calls(func() { n.must(req) }); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

func TestPinnedVersionsAreNotAskedForAgainByAMountedVolume(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	first := n.must(n.workload("web", "secret/a"))
	pinned := n.workload("web", "secret/a objectVersion: "+first.Versions[0].Version)
	n.must(pinned)
	if calls := n.calls(func() { n.must(remount(pinned, first)) }); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

// The age that says when to ask again is that of what may have changed: a pinned version never ages.
func TestPinnedVersionsAreNoReasonToAskAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	held := n.must(n.workload("web", "secret/a", "secret/b"))
	pinned := n.workload("web", "secret/a objectVersion: "+held.Versions[0].Version)
	both := n.workload("web", "secret/a objectVersion: "+held.Versions[0].Version, "secret/b")
	n.must(both)
	n.clock.by.Store(int64(5 * time.Minute))
	if report := n.must(remount(pinned, held)).Report; report.Age != 0 || report.Objects[0].Age < 5*time.Minute {
		t.Errorf("a pinned version: age %s, its object's %s", report.Age, report.Objects[0].Age)
	}
	if report := n.must(remount(within(both, time.Minute), held)).Report; report.Age < 5*time.Minute {
		t.Errorf("a pinned version beside one that may change: age %s", report.Age)
	}
	n.faults(emulator.Fault{Service: "keyvault", Outage: true})
	if report := n.must(remount(within(both, -5*time.Minute), held)).Report; report.Age < 5*time.Minute || report.Objects[1].State != provider.Stale {
		t.Errorf("during an outage: %+v", report)
	}
}

// Each of these presents something that must not open what shop/web has in the cache.
func TestNobodyIsServedFromACacheWithoutTheProof(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*node, *provider.Request)
		kind  fault.Kind
	}{
		"an expired token": {func(n *node, r *provider.Request) {
			n.present(r, "web", "api://AzureADTokenExchange", time.Minute)
			n.clock.by.Store(int64(2 * time.Minute))
		}, fault.Expired},
		"another account's token": {func(n *node, r *provider.Request) {
			n.present(r, "api", "api://AzureADTokenExchange", time.Hour)
			r.Attributes[secretsstore.AttrServiceAccount] = "web"
		}, fault.Denied},
		"a token for another audience": {func(n *node, r *provider.Request) {
			n.present(r, "web", "api://SomebodyElse", time.Hour)
			r.Attributes[secretsstore.AttrServiceAccountToken] = strings.ReplaceAll(r.Attributes[secretsstore.AttrServiceAccountToken], `"api://SomebodyElse":`, `"api://AzureADTokenExchange":`)
		}, fault.Denied},
		"no token":      {func(_ *node, r *provider.Request) { delete(r.Attributes, secretsstore.AttrServiceAccountToken) }, fault.Invalid},
		"another pod's": {func(_ *node, r *provider.Request) { r.Attributes[secretsstore.AttrPodNamespace] = "bank" }, fault.Denied},
		"an account without a grant": {func(n *node, r *provider.Request) {
			n.present(r, "stranger", "api://AzureADTokenExchange", time.Hour)
		}, fault.Denied},
		"another client's permissions": {func(_ *node, r *provider.Request) { r.Attributes["clientID"] = other }, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			held := n.must(n.workload("web", "secret/a"))
			req := remount(within(n.workload("web", "secret/a", "secret/a objectAlias: again"), time.Hour), held)
			test.spoil(n, &req)
			response, err := n.Mount(t.Context(), req)
			if fault.KindOf(err) != test.kind || err == nil || len(response.Files) != 0 {
				t.Errorf("%d files, %v", len(response.Files), err)
			}
		})
	}
}

func TestLastKnownGoodNeedsTheClassTheOperatorAndAnOutage(t *testing.T) {
	t.Parallel()
	allow := func(c *azure.Config, _ *token.Config) { c.LastKnownGood = time.Hour }
	for name, test := range map[string]struct {
		operator func(*azure.Config, *token.Config)
		class    string
		remount  bool
		fault    emulator.Fault
		served   bool
	}{
		"both allow it":                      {allow, "1h", false, emulator.Fault{Service: "keyvault", Outage: true}, true},
		"throttled counts as an outage":      {allow, "1h", false, emulator.Fault{Service: "keyvault", Status: 429}, true},
		"the class does not ask for it":      {allow, "", false, emulator.Fault{Service: "keyvault", Outage: true}, false},
		"the operator does not allow it":     {func(*azure.Config, *token.Config) {}, "1h", false, emulator.Fault{Service: "keyvault", Outage: true}, false},
		"a mounted volume keeps what it has": {func(*azure.Config, *token.Config) {}, "", true, emulator.Fault{Service: "keyvault", Outage: true}, true},
		"a refusal is never papered over":    {allow, "1h", true, emulator.Fault{Service: "keyvault", Status: 403}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, test.operator)
			held := n.must(n.workload("web", "secret/a"))
			n.faults(test.fault)
			req := n.workload("web", "secret/a")
			if test.class != "" {
				req.Attributes["lastKnownGood"] = test.class
			}
			if test.remount {
				req = remount(req, held)
			}
			response, err := n.Mount(t.Context(), req)
			if (err == nil) != test.served {
				t.Fatalf("served: %v, %v", err == nil, err)
			}
			if test.served && (content(response, "a") != planted+"-a" || response.Report.Objects[0].State != provider.Stale || response.Report.Age <= 0) {
				t.Errorf("report: %+v", response.Report)
			}
		})
	}
}

func TestARefusalErasesWhatWasKnown(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *azure.Config, _ *token.Config) { c.LastKnownGood = time.Hour })
	ask := func() (provider.Response, error) {
		req := n.workload("web", "secret/a")
		req.Attributes["lastKnownGood"] = "1h"
		return n.Mount(t.Context(), req)
	}
	if _, err := ask(); err != nil {
		t.Fatal(err)
	}
	n.faults(emulator.Fault{Service: "keyvault", Status: 403, Count: 1})
	if _, err := ask(); fault.KindOf(err) != fault.Denied {
		t.Fatalf("got %v", err)
	}
	n.faults(emulator.Fault{Service: "keyvault", Outage: true})
	if _, err := ask(); err == nil {
		t.Error("served after a refusal")
	}
}

func TestAnAuthorityThatIsDownDoesNotKeepFreshAnswersBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.must(n.workload("web", "secret/a"))
	n.faults(emulator.Fault{Service: "entra", Outage: true})
	if got := content(n.must(within(n.workload("web", "secret/a"), time.Minute)), "a"); got != planted+"-a" {
		t.Errorf("got %q", got)
	}
}
