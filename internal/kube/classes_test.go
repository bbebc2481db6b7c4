package kube

import (
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

// unwatched is the line that tells of a watch that fails.
const unwatched = "cannot be watched, and is tried again secretproviderclasses"

const vaultClass = `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  namespace: shop
  name: vault
  labels: {team: shop}
  annotations: {note: of no interest}
spec:
  provider: azure
  parameters: {keyvaultName: kv, tenantId: t}
  secretObjects:
  - {secretName: db, type: Opaque, data: [{objectName: password, key: password}]}
`

// watching runs the classes, tells of changes, and waits for the first list of n.
func watching(t *testing.T, w *world, n int) (*Classes, <-chan ClassChange) {
	t.Helper()
	s := w.client.Classes()
	changes := make(chan ClassChange, 100)
	s.OnChange(func(c ClassChange) { changes <- c })
	running(t, s.Run)
	for range n {
		next(t, changes)
	}
	return s, changes
}

func TestAWatchedClassCostsNoCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	s, _ := watching(t, w, 1)
	w.opened(t, "secretproviderclasses")
	w.ForgetCalls()
	class, err := s.Class(t.Context(), "shop", "vault")
	if err != nil {
		t.Fatal(err)
	}
	if class.Spec.Provider != "azure" || class.Spec.Parameters["keyvaultName"] != "kv" || class.Spec.SecretObjects[0].Data[0].Key != "password" {
		t.Errorf("spec: %+v", class.Spec)
	}
	m := class.Metadata
	if m.Name != "vault" || m.Namespace != "shop" || m.UID == "" || m.Generation != 1 || class.Kind != secretsstore.KindClass || class.APIVersion != secretsstore.V1 {
		t.Errorf("metadata: %+v", class)
	}
	if m.Labels != nil || m.Annotations != nil {
		t.Errorf("kept what nobody reads: %+v", m)
	}
	if n := len(w.Calls()); n != 0 || !s.Synced() || len(s.List()) != 1 {
		t.Errorf("%d calls", n)
	}
}

// opened waits until the client knows that a watch of the resource stands, which is after the list was told.
func (w *world) opened(t *testing.T, resource string) {
	t.Helper()
	w.log.until(t, "watching "+resource)
}

func TestAClassThatWasMadeAMomentAgoIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.Classes() // not running: as far behind as can be
	w.Put(vaultClass)
	if class, err := s.Class(t.Context(), "shop", "vault"); err != nil || class.Metadata.Name != "vault" {
		t.Fatal(class, err)
	}
	changes := make(chan ClassChange, 100)
	s.OnChange(func(c ClassChange) { changes <- c })
	running(t, s.Run)
	if c := next(t, changes); c.Spec || c.Refresh || c.Class == nil {
		t.Errorf("what was read is told as new: %+v", c)
	}
}

func TestAClassThatIsNotThereSaysSoInTheServersWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.client.Classes().Class(t.Context(), "shop", "none")
	if fault.KindOf(err) != fault.NotFound || err.Error() != `secretproviderclasses.secrets-store.csi.x-k8s.io "none" not found` {
		t.Errorf("%v: %v", fault.KindOf(err), err)
	}
}

func TestChangesSayWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	_, changes := watching(t, w, 1)
	expect := func(what string, spec, refresh, there bool) {
		t.Helper()
		c := next(t, changes)
		if c.Spec != spec || c.Refresh != refresh || (c.Class != nil) != there || c.Namespace != "shop" || c.Name != "vault" {
			t.Errorf("%s: %+v", what, c)
		}
	}
	w.Put(strings.ReplaceAll(vaultClass, "of no interest", "of less interest"))
	expect("a note", false, false, true)
	w.Put(strings.ReplaceAll(vaultClass, "keyvaultName: kv", "keyvaultName: other"))
	expect("a vault", true, false, true)
	w.Put(strings.ReplaceAll(vaultClass, "{note: of no interest}", "{strongroom/refresh: now}"))
	expect("a vault and a refresh", true, true, true)
	w.Put(strings.ReplaceAll(vaultClass, "{note: of no interest}", "{strongroom/refresh: again}"))
	expect("a refresh", false, true, true)
	w.Put(vaultClass)
	expect("the annotation's end", false, false, true)
	w.Delete("secretproviderclasses", "shop", "vault")
	expect("the end", true, false, false)
	w.Put(vaultClass)
	expect("another of that name", true, false, true)
}

func TestClassesWaitForTheirDefinition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Undefine("secretproviderclasses")
	s, changes := watching(t, w, 0)
	w.log.until(t, unwatched)
	_, err := s.Class(t.Context(), "shop", "vault")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Explain(err), "strongroom crds --apply") {
		t.Errorf("%v: %s", fault.KindOf(err), fault.Explain(err))
	}
	if err := w.client.ApplyCRDs(t.Context(), []byte(classDefinition)); err != nil {
		t.Fatal(err)
	}
	w.Put(vaultClass)
	if c := next(t, changes); c.Name != "vault" {
		t.Errorf("%+v", c)
	}
	w.log.until(t, "watching again secretproviderclasses")
	if loud := w.log.loud(); len(loud) != 2 {
		t.Errorf("an outage took %d lines: %q", len(loud), loud)
	}
}

func TestTheLastCopyStandsWhileTheServerIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	s, changes := watching(t, w, 1)
	w.opened(t, "secretproviderclasses")
	w.Stop()
	w.log.until(t, unwatched)
	w.clock.Advance(time.Hour)
	if class, err := s.Class(t.Context(), "shop", "vault"); err != nil || class.Metadata.Name != "vault" {
		t.Errorf("%+v, %v", class, err)
	}
	if _, err := s.Class(t.Context(), "shop", "other"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("what nobody knows is %v", err)
	}
	w.Put(strings.ReplaceAll(vaultClass, "keyvaultName: kv", "keyvaultName: other"))
	if err := w.Resume(); err != nil {
		t.Fatal(err)
	}
	if c := next(t, changes); !c.Spec || c.Class.Spec.Parameters["keyvaultName"] != "other" {
		t.Errorf("what changed meanwhile: %+v", c)
	}
}

// A copy that may be out of date is not handed out while the server can be asked.
func TestAnInterruptedWatchIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	s, _ := watching(t, w, 1)
	w.opened(t, "secretproviderclasses")
	w.Deny("watch", "secretproviderclasses")
	w.Disconnect()
	w.log.until(t, unwatched)
	w.clock.Advance(grace + 1)
	w.Deny("list", "secretproviderclasses")
	w.Put(strings.ReplaceAll(vaultClass, "keyvaultName: kv", "keyvaultName: other"))
	class, err := s.Class(t.Context(), "shop", "vault")
	if err != nil || class.Spec.Parameters["keyvaultName"] != "other" {
		t.Errorf("%+v, %v", class.Spec, err)
	}
	w.Delete("secretproviderclasses", "shop", "vault")
	if _, err := s.Class(t.Context(), "shop", "vault"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a class that is gone: %v", err)
	}
}

// failNext lets the next watch fail.
func (w *world) failNext(status int) {
	w.Fail(kubefake.Fault{Verb: "watch", Times: 1, Status: status})
}

func TestAWatchGoesOnWhateverEndsIt(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*world){
		"a lost connection":        func(w *world) { w.Disconnect() },
		"an old resource version":  func(w *world) { w.Expire() },
		"an old one at the next":   func(w *world) { w.Stop(); w.Expire(); _ = w.Resume() },
		"a server that is busy":    func(w *world) { w.failNext(429); w.Disconnect() },
		"a server that is in pain": func(w *world) { w.failNext(500); w.Disconnect() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Put(vaultClass)
			_, changes := watching(t, w, 1)
			w.opened(t, "secretproviderclasses")
			end(w)
			w.Put(strings.ReplaceAll(vaultClass, "keyvaultName: kv", "keyvaultName: other"))
			for {
				if c := next(t, changes); c.Spec {
					return
				}
			}
		})
	}
}
