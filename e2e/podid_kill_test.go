package e2e

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"strongroom/e2e/azure"
)

// MIC's leader and NMI are ended with -9, each three times and at moments of no choice, while pods ask for everything there
// is and a pod is moved from one identity to the other. Nobody ever gets a token that nothing gives it, and after each time
// everybody gets its own again.
func TestKillsGiveNobodyAnothersToken(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentityAlone(t)
	ns := PodSpace(t)
	a, b, foreign, app := Azure().Managed(t), Azure().Managed(t), Azure().Managed(t), Azure().Application(t)
	Azure().Assign(t, foreign) // the metadata service has it, and no pod may
	both := azure.Unique("both")
	Bind(t, ns, a, a.Name)
	Bind(t, ns, b, b.Name)
	for _, id := range []azure.Identity{a, b} {
		second := id
		second.Name += "-both"
		Bind(t, ns, second, both)
	}
	principal(t, ns, app, 1, map[string][]byte{"clientSecret": []byte(app.Secret)})

	all := []azure.Identity{a, b, foreign, app}
	moved := Ask(t, ns, "moved", a.Name, all, a, b)
	settled := []Asker{
		Ask(t, ns, "a", a.Name, all, a), Ask(t, ns, "b", b.Name, all, b), Ask(t, ns, "both", both, all, a, b),
		Ask(t, ns, "principal", app.Name, all, app), Ask(t, ns, "unbound", ns+"-nothing", all), Ask(t, ns, "plain", "", all),
	}
	own := func(now, before azure.Identity) {
		t.Helper()
		for _, asker := range settled {
			for _, id := range asker.may {
				AwaitToken(t, ns, asker.pod, "&bypass_cache=true&client_id="+id.ClientID, id.ObjectID)
			}
		}
		AwaitToken(t, ns, moved.pod, "&bypass_cache=true", now.ObjectID)
		AwaitRefusal(t, ns, moved.pod, "&client_id="+before.ClientID, http.StatusNotFound, "no azure identity of this pod")
		AwaitMore(t, append(settled, moved), len(all)+1)
	}
	own(a, b)

	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, 0))
	victims := []string{MIC, MIC, MIC, NMI, NMI, NMI}
	random.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	now, before := a, b
	for _, victim := range victims {
		now, before = before, now
		Kubectl(t, "label", "--overwrite", "pod", moved.pod, "--namespace", ns, BoundBy+"="+now.Name)
		moment := time.Duration(random.IntN(3000)) * time.Millisecond // anywhere in an update, in requests or in the victim's own start
		t.Logf("%s is killed after %s", victim, moment)
		select {
		case <-time.After(moment):
		case <-t.Context().Done():
		}
		if victim == MIC {
			KillPod(t, systemNamespace, Leader(t))
		} else {
			killed := Kill(t, systemNamespace, "app=nmi")
			AwaitSuccessor(t, systemNamespace, "app=nmi", killed)
		}
		own(now, before)
	}
	tokens, others := 0, 0
	for _, asker := range append(settled, moved) {
		with, without := asker.Answers(t)
		tokens, others = tokens+with, others+without
		if (with == 0) != (len(asker.may) == 0) || without == 0 {
			t.Errorf("%s was given %d tokens, and %d times none", asker.pod, with, without)
		}
	}
	t.Logf("%d tokens, each its pod's own, and %d refusals", tokens, others)
}
