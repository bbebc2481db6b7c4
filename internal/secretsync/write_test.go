package secretsync

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestASecretIsThereBeforeThePodStarts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	class.Spec.SecretObjects[0].Labels = map[string]string{"team": "shop", secretsstore.LabelManaged: "no"}
	class.Spec.SecretObjects[0].Annotations = map[string]string{"note": "x", "strongroom/class": "forged", "strongroom/other": "forged"}
	p := n.pod("web-1", "web-rs", class)
	p.has(t.Context(), "db", "one")
	c.mustHold("db", "one", "uid-web-rs")
	c.mustCall(1, 1)
	live := c.live("db")
	if live.Type != "Opaque" {
		t.Errorf("type %q", live.Type)
	}
	if diff := cmp.Diff(map[string]string{"team": "shop", secretsstore.LabelManaged: "true"}, live.Labels); diff != "" {
		t.Error(diff)
	}
	delete(live.Annotations, AnnotationShape)
	want := map[string]string{"note": "x", "strongroom/class": "web", "strongroom/asked": "2030-01-02T03:04:05.001Z"}
	if diff := cmp.Diff(want, live.Annotations); diff != "" {
		t.Error(diff)
	}
	if n.synced != 1 || len(n.heard()) != 0 {
		t.Error("not counted, or something was said though all is well")
	}
}

func TestWithoutChangeNothingIsAsked(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	p := n.pod("web-1", "web-rs", class)
	p.has(t.Context(), "db", "one")
	c.deliver()
	c.mustCall(1, 1)
	for range 3 {
		p.has(t.Context(), "db", "one") // fetched anew
		p.mounted(t.Context(), false)   // nothing due
		n.pod("web-1", "web-rs", class).mounted(t.Context(), false)
	}
	for _, name := range []string{"web-2", "web-3"} {
		n.pod(name, "web-rs", class).has(t.Context(), "db", "one") // of the same owner
	}
	if due := n.tend(); due != 0 {
		t.Errorf("%d Secrets are due", due)
	}
	c.mustCall(0, 0)
}

func TestARestartedDriverReadsOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.calls()
	n.start()
	p.has(t.Context(), "db", "one")
	p.has(t.Context(), "db", "one")
	c.mustCall(1, 0)
}

func TestAChangeIsWrittenOnceAndTold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.node(), c.node()
	class := c.class("web", "db")
	first, second := a.pod("web-1", "web-rs", class), b.pod("web-2", "web-rs", class)
	first.has(t.Context(), "db", "one")
	second.has(t.Context(), "db", "one")
	c.deliver()
	c.calls()
	first.has(t.Context(), "db", "two")
	c.mustCall(1, 1)
	mustSay(t, a, "web-1 Normal SecretRotationComplete: secret shop/db was brought up to date with class web")
	c.deliver()
	b.tend() // looks, and finds itself behind
	c.mustCall(1, 0)
	second.has(t.Context(), "db", "two")
	c.mustCall(0, 0)
	c.mustHold("db", "two", "uid-web-rs")
	mustSay(t, b)
}

func TestANodeThatIsBehindAddsItsOwnersOnly(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	ahead, behind := c.node(), c.node()
	class := c.class("web", "db")
	late := behind.pod("late", "", class)
	late.files["db"], late.asked = "old", c.advance(time.Second)
	c.advance(time.Second)
	ahead.pod("web-1", "web-rs", class).has(t.Context(), "db", "new")
	late.mounted(t.Context(), true)
	c.mustHold("db", "new", "uid-web-rs", "uid-late")
	c.deliver()
	ahead.tend()
	behind.tend()
	c.mustHold("db", "new", "uid-web-rs", "uid-late")
	c.calls()
	late.has(t.Context(), "db", "new")
	c.mustCall(0, 0)
	late.has(t.Context(), "db", "newer")
	c.mustHold("db", "newer", "uid-web-rs", "uid-late")
}

// What a node was behind with may be true again: the vault went from one to two and back.
func TestContentThatCameBackIsWrittenAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.node(), c.node()
	class := c.class("web", "db")
	p, q := a.pod("web-1", "web-rs", class), b.pod("web-2", "web-rs", class)
	p.has(t.Context(), "db", "one")
	q.has(t.Context(), "db", "two")
	c.deliver()
	a.tend()
	c.mustHold("db", "two", "uid-web-rs")
	p.has(t.Context(), "db", "one")
	c.mustHold("db", "one", "uid-web-rs")
}

func TestWhatTheClassGaveUpGoesAndWhatOthersAddedStays(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	class.Spec.SecretObjects[0].Labels = map[string]string{"old": "1"}
	class.Spec.SecretObjects[0].Data = append(class.Spec.SecretObjects[0].Data, secretsstore.SecretData{ObjectName: "db", Key: "extra"})
	p := n.pod("web-1", "web-rs", class)
	p.has(t.Context(), "db", "one")
	c.edit("db", func(s *Secret) {
		s.Labels["theirs"], s.Annotations["theirs"] = "1", "1"
		s.Data["theirs"] = secret.NewValue(nil)
	})
	c.deliver()
	n.tend()
	c.calls()
	p.class = edited(class, func(o *secretsstore.SecretObject) { o.Labels, o.Data = nil, o.Data[:1] })
	p.mounted(t.Context(), false)
	c.mustCall(1, 1)
	live := c.live("db")
	if live.Labels["old"] != "" || live.Labels["theirs"] != "1" || live.Annotations["theirs"] != "1" {
		t.Errorf("labels %v", live.Labels)
	}
	if _, extra := live.Data["extra"]; extra || len(live.Data) != 2 {
		t.Errorf("keys %v", keys(live.Data))
	}
	p.mounted(t.Context(), false)
	c.mustCall(0, 0)
}

func TestHandsAreUndone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	for name, edit := range map[string]func(*Secret){
		"data":       func(s *Secret) { s.Data["password"] = secret.NewValue([]byte("mine")) },
		"a key less": func(s *Secret) { delete(s.Data, "password") },
		"our mark":   func(s *Secret) { delete(s.Annotations, AnnotationAsked) },
		"a bad mark": func(s *Secret) { s.Annotations[AnnotationAsked] = "yesterday" },
		"owners":     func(s *Secret) { s.Owners = nil },
	} {
		c.edit("db", edit)
		c.deliver()
		c.advance(longestWait) // hands that come again and again are not followed as fast
		n.tend()
		c.mustHold("db", "one", "uid-web-rs")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	c.calls()
	c.deliver()
	if n.tend() != 0 {
		t.Error("our own write is looked at again")
	}
}

func TestADeletedSecretComesBackAMomentLater(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.deliver()
	c.remove("db")
	c.deliver()
	if n.tend() != 0 {
		t.Error("no moment was given")
	}
	c.advance(grace)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
	c.deliver()
	c.calls()
	p.has(t.Context(), "other", "file")
	c.mustCall(0, 0)
}

func TestADeletionBehindAReadIsNoticed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.deliver()
	n.start()
	c.after = func() { c.remove("db"); c.deliver() }
	p.mounted(t.Context(), false)
	c.after = nil
	c.advance(grace)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

func TestASecretGoesWithItsLastConsumer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	p, q := n.pod("web-1", "web-rs", class), n.pod("single", "", class)
	p.has(t.Context(), "db", "one")
	q.has(t.Context(), "db", "one")
	c.mustHold("db", "one", "uid-web-rs", "uid-single")
	c.gone["uid-web-rs"] = true
	p.ends()
	c.collect()
	c.deliver()
	c.advance(grace)
	n.tend()
	c.mustHold("db", "one", "uid-single")
	c.gone["uid-single"] = true
	q.ends()
	c.collect()
	c.deliver()
	c.advance(grace)
	n.tend()
	if c.live("db") != nil {
		t.Error("it was made anew for pods that end")
	}
	n.Forget(p.target())
	n.ForgetPod(q.meta.UID)
	if len(n.volumes)+len(n.secrets) != 0 {
		t.Error("something is remembered")
	}
}

func TestAnOwnerMadeAnewIsAnother(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	old := n.pod("web-1", "web-rs", class)
	old.has(t.Context(), "db", "one")
	c.gone["uid-web-rs"] = true
	old.ends()
	n.pod("web-2", "web-rs'", class).has(t.Context(), "db", "one") // same kind and name, another UID
	c.mustHold("db", "one", "uid-web-rs", "uid-web-rs'")
	c.collect()
	c.deliver()
	n.tend()
	c.mustHold("db", "one", "uid-web-rs'")
}

func TestALostRaceIsRunAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.node(), c.node()
	class := c.class("web", "db")
	fast := b.pod("fast", "", class)
	raced := false
	c.between = func(operation string, _ id) {
		if operation == "apply" && !raced {
			raced = true
			fast.has(t.Context(), "db", "one")
		}
	}
	a.pod("slow", "", class).has(t.Context(), "db", "one")
	c.mustHold("db", "one", "uid-fast", "uid-slow")
	c.mustCall(3, 3)
	mustSay(t, a)
}

func TestARaceThatIsNeverWonIsGivenUpForAWhile(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	c.put(Secret{Name: "db", Type: "Opaque", Labels: map[string]string{secretsstore.LabelManaged: "true"}})
	c.between = func(operation string, _ id) {
		if operation == "apply" {
			c.edit("db", func(*Secret) {})
		}
	}
	began := c.Now()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.mustCall(tries, tries)
	if took := c.Now().Sub(began); took < 150*time.Millisecond || took > 200*time.Millisecond {
		t.Errorf("waited %s in all", took)
	}
	mustSay(t, n) // not the first time
	c.between = nil
	c.advance(shortestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

func TestFilesThatCannotBeReadAreReadAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.err = fault.Wrap(errors.New("i/o"), fault.Internal, p.target(), "cannot be read")
	p.has(t.Context(), "db", "one")
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: failed to get mounted files of class shop/web for secret db, err: ")
	p.err = nil
	c.advance(shortestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
	mustSay(t, n, "web-1 Normal SecretRotationComplete: secret shop/db is in order again")
}

func TestAPodNobodyKnowsYetIsLookedForAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	delete(c.pods, p.meta.UID)
	p.has(t.Context(), "db", "one")
	c.mustCall(0, 0)
	c.pods[p.meta.UID] = known{}
	c.advance(shortestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-1")
	if n.tend(); len(n.heard()) != 0 {
		t.Error("something was said though nothing failed")
	}
}

func TestNoValueIsRemembered(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.pod("web-1", "web-rs", c.class("web", "db")).has(t.Context(), "db", "one")
	k := n.secrets[id{"shop", "db"}].claims["web"]
	if strings.Contains(string(k.judged[:]), "one") || k.judged == (fingerprint{}) || k.judged != k.live {
		t.Error("no fingerprint")
	}
	other := newDigester()
	if other.of(content{kind: "x"}) == n.digest.of(content{kind: "x"}) {
		t.Error("a fingerprint means something outside of its process")
	}
}
