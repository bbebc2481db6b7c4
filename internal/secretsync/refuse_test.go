package secretsync

import (
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

var byDriver = map[string]string{secretsstore.LabelManaged: "true"}

func passwordOf(text string) map[string]secret.Value {
	return map[string]secret.Value{"password": secret.NewValue([]byte(text))}
}

func TestAForeignSecretIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	c.put(Secret{Name: "db", Type: "Opaque", Data: passwordOf("theirs")})
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	for range 3 {
		p.has(t.Context(), "db", "one")
	}
	c.mustHold("db", "theirs")
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: secret shop/db is there already and no driver made it: it lacks the label secrets-store.csi.k8s.io/managed=true, "+
		"so class web does not take it over; to mend: delete it (kubectl delete secret -n shop db) or choose another secretName")
	c.calls()
	p.mounted(t.Context(), false) // not even looked at again
	c.mustCall(0, 0)
	c.remove("db") // which no watch tells of
	c.advance(longestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
	mustSay(t, n, "web-1 Normal SecretRotationComplete: secret shop/db is in order again")
}

func TestASecretWithoutItsLabelIsOutOfOurHands(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.deliver()
	c.edit("db", func(s *Secret) { delete(s.Labels, secretsstore.LabelManaged) })
	n.Changed("shop", "db", c.live("db").ResourceVersion, true) // to a watch by label it is gone
	c.advance(grace)
	n.tend()
	p.has(t.Context(), "db", "two")
	c.mustHold("db", "one", "uid-web-rs")
	mustSay(t, n, "web-1 Warning SecretRotationFailed: secret shop/db is there already and no driver made it")
}

func TestUpstreamsSecretIsAdopted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	c.put(Secret{Name: "db", Type: "Opaque", Labels: byDriver, Data: passwordOf("one"), Owners: []secretsstore.Owner{ownerOf("old-rs")}})
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	c.mustHold("db", "one", "uid-old-rs", "uid-web-rs")
	if c.live("db").Annotations[AnnotationClass] != "web" {
		t.Error("it does not say whose it is")
	}
	mustSay(t, n)
	// Upstream's driver, on a node not moved yet, writes it in its own way: owners and annotations go.
	c.loose = true
	c.edit("db", func(s *Secret) { s.Owners, s.Annotations = nil, map[string]string{} })
	c.deliver()
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

func TestTwoClassesDoNotFight(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.loose = true
	a, b := c.node(), c.node()
	first, second := c.class("first", "db"), c.class("second", "db")
	p, q := a.pod("p", "rs-p", first), b.pod("q", "rs-q", second)
	p.has(t.Context(), "db", "one")
	for range 3 {
		q.has(t.Context(), "db", "two")
		p.has(t.Context(), "db", "one")
		c.deliver()
		a.tend()
		b.tend()
	}
	c.mustHold("db", "one", "uid-rs-p")
	mustSay(t, a)
	mustSay(t, b, "q Warning FailedToCreateSecret: secret shop/db is written by class first; class second names it too and leaves it alone; "+
		"to mend: choose another secretName in one of the two classes")
	if _, applies := c.calls(); applies != 1 {
		t.Errorf("%d writes", applies)
	}
	c.knows(edited(first, func(o *secretsstore.SecretObject) { o.SecretName = "other" }))
	b.ClassChanged("shop", "first")
	b.tend()
	c.mustHold("db", "two", "uid-rs-p", "uid-rs-q")
	mustSay(t, b, "q Normal SecretRotationComplete: secret shop/db is in order again")
	c.deliver()
	a.tend() // its pod has not seen the edit yet
	mustSay(t, a, "p Warning SecretRotationFailed: secret shop/db is written by class second; class first names it too")
	c.mustHold("db", "two", "uid-rs-p", "uid-rs-q")
}

func TestADeletedClassGivesItsSecretUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.loose = true
	n := c.node()
	n.pod("p", "rs-p", c.class("first", "db")).has(t.Context(), "db", "one")
	c.forgets("first")
	n.pod("q", "rs-q", c.class("second", "db")).has(t.Context(), "db", "two")
	c.mustHold("db", "two", "uid-rs-p", "uid-rs-q")
}

func TestATypeIsNotChangedBehindAnybodysBack(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	c.put(Secret{Name: "db", Type: "kubernetes.io/basic-auth", Labels: byDriver, Data: passwordOf("one")})
	n.pod("web-1", "web-rs", c.class("web", "db")).has(t.Context(), "db", "one")
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: secret shop/db is of type kubernetes.io/basic-auth, class web asks for type Opaque, and Kubernetes changes no Secret's type; "+
		"to mend: kubectl delete secret -n shop db; it is made anew at once")
	c.deliver()
	c.remove("db")
	c.deliver()
	c.advance(grace)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

func TestAnImmutableSecretIsReported(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	p := n.pod("web-1", "web-rs", class)
	p.has(t.Context(), "db", "one")
	c.edit("db", func(s *Secret) { s.Immutable = true })
	c.deliver()
	n.tend()
	n.pod("single", "", class).has(t.Context(), "db", "one") // an owner is no data
	c.mustHold("db", "one", "uid-web-rs", "uid-single")
	mustSay(t, n)
	p.has(t.Context(), "db", "two")
	c.mustHold("db", "one", "uid-web-rs", "uid-single")
	mustSay(t, n, "single Warning SecretRotationFailed: secret shop/db is immutable", "web-1 Warning SecretRotationFailed: secret shop/db is immutable, and class web has other content for it")
}

func TestAMissingPermissionIsToldOncePerPodAndNotHammered(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db")
	c.refuse = forbidden
	pods := []*pod{n.pod("web-1", "web-rs", class), n.pod("web-2", "web-rs", class)}
	began := c.Now()
	for minute := range 12 {
		for _, p := range pods {
			p.has(t.Context(), "db", strings.Repeat("x", minute))
		}
		n.tend()
		c.advance(time.Minute)
	}
	if gets, applies := c.calls(); gets > 3 || applies != 0 {
		t.Errorf("%d reads and %d writes in %s", gets, applies, c.Now().Sub(began))
	}
	mustSay(t, n,
		"web-1 Warning FailedToCreateSecret: the secret operation was forbidden: secret shop/db could not be read: secrets shop/db: may not get resource secrets; to mend: if the driver was installed with Helm, ensure syncSecret.enabled=true is set",
		"web-2 Warning FailedToCreateSecret: the secret operation was forbidden")
	c.refuse = nil
	c.advance(longestWait)
	n.tend()
	c.mustHold("db", strings.Repeat("x", 11), "uid-web-rs")
	mustSay(t, n, "web-1 Normal", "web-2 Normal")
}

func TestFailuresAreToldWhenTheyBeginChangeAndEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	down := func(request string) error { return fault.New(fault.Unavailable, "", "no answer (request %s)", request) }
	c.refuse = down("1")
	p.has(t.Context(), "db", "one")
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: secret shop/db could not be read: no answer (request 1)")
	waits := []time.Duration{}
	for i := range 9 {
		c.refuse = down(strings.Repeat("i", i))
		_, next := n.due(c.Now())
		waits = append(waits, next.Sub(c.Now()))
		c.advance(next.Sub(c.Now()))
		n.tend()
	}
	for i, want := range []int{5, 10, 20, 40, 80, 160, 300, 300, 300} {
		if waits[i] != time.Duration(want)*time.Second {
			t.Errorf("wait %d is %s, want %d s", i+1, waits[i], want)
		}
	}
	mustSay(t, n)
	c.refuse = fault.New(fault.Throttled, "", "slow down")
	c.advance(longestWait)
	n.tend()
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: secret shop/db could not be read: slow down")
	c.refuse = nil
	c.advance(longestWait)
	n.tend()
	mustSay(t, n, "web-1 Normal SecretRotationComplete: secret shop/db is in order again")
	c.refuse = down("2")
	p.has(t.Context(), "db", "two")
	mustSay(t, n, "web-1 Warning SecretRotationFailed: secret shop/db could not be read: no answer (request 2)")
}

func TestWrongEntriesAreToldAndTheOthersServed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "", "db", "cache", "db")
	class.Spec.SecretObjects[2].Data[0].ObjectName = "nope"
	p := n.pod("web-1", "web-rs", class)
	for range 3 {
		p.has(t.Context(), "db", "one")
	}
	c.mustHold("db", "one", "uid-web-rs")
	mustSay(t, n,
		"web-1 Warning FailedToCreateSecret: entry 1 of secretObjects in class shop/web is wrong: secret name is empty",
		"web-1 Warning FailedToCreateSecret: entry 4 of secretObjects in class shop/web is wrong: secretName db stands twice in the class",
		"web-1 Warning FailedToCreateSecret: failed to get data in spc shop/web for secret cache, err: file matching objectName nope not found in the pod")
	if n.tend() != 0 {
		t.Error("what only an edit mends is tried again")
	}
	p.has(t.Context(), "nope", "two")
	mustSay(t, n, "web-1 Normal SecretRotationComplete: secret shop/cache is in order again")
	c.mustHold("cache", "one"[:0]+"two", "uid-web-rs")
}

// The controller calls such a class invalid, and the driver must not make a Secret of it all the same: which of the two
// objects it would hold could only be guessed.
func TestAKeyGivenTwiceMakesNoSecret(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db", "cache")
	class.Spec.SecretObjects[0].Data = append(class.Spec.SecretObjects[0].Data, class.Spec.SecretObjects[0].Data[0])
	p := n.pod("web-1", "web-rs", class)
	for range 3 {
		p.has(t.Context(), "db", "one")
	}
	if c.live("db") != nil {
		t.Error("a Secret was made")
	}
	c.mustHold("cache", "one", "uid-web-rs")
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: entry 1 of secretObjects in class shop/web is wrong: key password is given twice")
}

func TestAClassWithoutSecretsCostsNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	p := n.pod("web-1", "web-rs", c.class("web"))
	p.has(t.Context(), "db", "one")
	c.mustCall(0, 0)
	if len(n.volumes) != 0 {
		t.Error("it is remembered")
	}
	p.class = c.class("web", "db")
	p.has(t.Context(), "db", "one")
	p.class = c.class("web")
	p.has(t.Context(), "db", "one")
	if len(n.volumes)+len(n.secrets) != 0 {
		t.Error("it is remembered though the class gave it up")
	}
	if c.live("db") == nil {
		t.Error("a Secret whose owner lives was deleted")
	}
}

// Somebody who undoes every write, such as an admission hook, gets ever slower answers.
func TestNobodyIsFoughtWith(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.pod("web-1", "web-rs", c.class("web", "db")).has(t.Context(), "db", "one")
	c.calls()
	for range 3600 { // an hour
		c.edit("db", func(s *Secret) { s.Data["password"] = secret.NewValue([]byte("theirs")) })
		c.deliver()
		n.tend()
		c.advance(time.Second)
	}
	if _, applies := c.calls(); applies > 20 {
		t.Errorf("%d writes in an hour", applies)
	}
}
