package cli_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A pod and its binding appear; MIC's process has Azure put the identity on the scale set, is killed in the middle of it,
// and its successor goes on from the ledger: one update, and the pod, which has been asking all the time, has its token.
func TestALeaderKilledAmidAnUpdateIsSucceeded(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, 4*time.Second)
	replicas := map[string]*child{"mic-0": w.mic("mic-0"), "mic-1": w.mic("mic-1")}
	nmi := w.nmi("node-0")
	until(t, "one of them leads", func() bool { return w.leader() != "" })
	w.putPod("web", "a", "127.0.1.1")
	w.putPod("nobody", "none", "127.0.1.2")
	answer := make(chan string, 1)
	go func() {
		holder, said := w.ask(t.Context(), nmi, "127.0.1.1", "")
		answer <- holder + said
	}()
	until(t, "where to ask about the update is written down", func() bool {
		ledger, _ := w.api.Get("configmaps", "default", "strongroom-mic")
		return strings.Contains(fmt.Sprint(ledger["data"]), `"url"`)
	})
	killed := w.leader()
	replicas[killed].kill()
	if got := w.states()["web"]; got != "a Created" {
		t.Errorf("during the update: %q", got)
	}
	if got, want := <-answer, w.clientID("a"); got != want {
		t.Errorf("the pod that waited got %s, want a token of %s", got, want)
	}
	counts := w.azure.Counts()
	if w.leader() == killed || counts["vmss-patch"] != 1 || w.states()["web"] != "a Assigned" {
		t.Errorf("leader %s, killed %s, requests %v, objects %v", w.leader(), killed, counts, w.states())
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second) // it would be waited with for long
	defer cancel()
	if holder, _ := w.ask(soon, nmi, "127.0.1.2", "&client_id="+w.clientID("a")); holder != "" {
		t.Errorf("a pod that nothing binds got a token of %q", holder)
	}
}

// With MIC dead, what is unbound or edited is lost all the same, and comes back with its binding.
func TestWhatIsUnboundIsLostWhileMICIsDead(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t, 0)
	mic, nmi := w.mic("mic-0"), w.nmi("node-0")
	gets := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		holder, _ := w.ask(ctx, nmi, "127.0.1.1", "")
		return holder
	}
	w.putPod("web", "a", "127.0.1.1")
	until(t, "it has its token", func() bool { return gets() == w.clientID("a") })
	mic.kill()
	w.api.Delete("azureidentitybindings", "shop", "a")
	until(t, "unbound, it has none", func() bool { return gets() == "" })
	w.bind("a")
	until(t, "bound again, it has", func() bool { return gets() == w.clientID("a") })
	w.api.Put(fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {name: a, namespace: shop},
		spec: {type: 0, resourceID: %s/Microsoft.ManagedIdentity/userAssignedIdentities/b, clientID: %s}}`, emulated, w.clientID("b")))
	until(t, "its identity is another by now", func() bool { return gets() == "" })
	if got := w.states()["web"]; got != "a Assigned" {
		t.Errorf("somebody has changed the assignment: %q", got)
	}
	w.mic("mic-1")
	until(t, "MIC brings what is bound", func() bool { return gets() == w.clientID("b") })
}

// While pods come, go and change their labels, processes of MIC and NMI are killed at random: no pod ever has a token of
// what is not its own, whatever it asks for, and when it is over everything is as it should be.
func TestKillingMICAndNMIAtRandom(t *testing.T) {
	t.Parallel()
	c := &carnage{podWorld: newPodWorld(t, 300*time.Millisecond), random: rand.New(rand.NewPCG(7, 7)), pods: map[string]*lived{}}
	for i := range 2 {
		c.mics = append(c.mics, c.mic(fmt.Sprint("mic-", i)))
		c.nmis = append(c.nmis, c.nmi(fmt.Sprint("node-", i)))
	}
	for range 45 {
		c.step()
	}
	c.settle()
	t.Logf("%d tokens, %d refusals, %d kills; %v", c.tokens, c.refusals, c.kills, c.azure.Counts())
	if c.tokens == 0 || c.refusals == 0 || c.kills == 0 {
		t.Error("it proves nothing")
	}
}

// carnage is a cluster under attack.
type carnage struct {
	*podWorld
	random     *rand.Rand
	mics, nmis []*child

	guard            sync.Mutex
	pods             map[string]*lived // by address
	born             int
	tokens, refusals int
	kills            int
}

// lived is what an address was entitled to, and until when; the zero time is still.
type lived struct {
	pod, label string
	was        []entitled
}

type entitled struct {
	label string
	until time.Time
}

// lag is how much later than the API server somebody may hear of a change, on a machine that has much to do.
const lag = 5 * time.Second

// step is one change or one kill, and some requests.
func (c *carnage) step() {
	switch n := c.random.IntN(12); {
	case n == 0:
		i := c.random.IntN(len(c.mics))
		c.mics[i].kill()
		c.mics[i] = c.mic(fmt.Sprint("mic-", c.born, "-", i))
		c.kills++
	case n == 1:
		i := c.random.IntN(len(c.nmis))
		c.nmis[i].kill()
		c.nmis[i] = c.nmi(fmt.Sprint("node-", i))
		c.kills++
	case n < 4:
		c.end(c.address())
	default:
		c.begin(c.address(), []string{"a", "b", "c", "a", "b", "c", "none", ""}[c.random.IntN(8)])
	}
	var asks sync.WaitGroup
	for range 6 {
		ip := c.address()
		nmi := c.nmis[ip[6]-'1']
		if c.random.IntN(6) == 0 {
			nmi = c.nmis[c.random.IntN(len(c.nmis))] // from a pod of another node, or one that says it is
		}
		more := []string{"", "", "", "&client_id=" + c.clientID("a"), "&client_id=" + c.clientID("foreign"), "&object_id=x",
			"&msi_res_id=" + emulated + "/Microsoft.ManagedIdentity/userAssignedIdentities/b"}[c.random.IntN(7)]
		asks.Go(func() {
			ctx, cancel := context.WithTimeout(c.t.Context(), 200*time.Millisecond)
			defer cancel()
			began := time.Now()
			holder, said := c.ask(ctx, nmi, ip, more)
			c.judge(nmi, ip, holder, said, began)
		})
	}
	asks.Wait()
}

// address is one of five on either node.
func (c *carnage) address() string {
	return fmt.Sprintf("127.0.%d.%d", 1+c.random.IntN(2), 1+c.random.IntN(5))
}

// begin starts a pod at an address, or gives the one there another label.
func (c *carnage) begin(ip, label string) {
	c.guard.Lock()
	defer c.guard.Unlock()
	l := c.pods[ip]
	if l == nil {
		l = &lived{}
		c.pods[ip] = l
	}
	if l.pod == "" {
		c.born++
		l.pod = fmt.Sprint("pod-", c.born)
	}
	l.was = append(l.was, entitled{l.label, time.Now()})
	l.label = label
	c.putPod(l.pod, label, ip)
}

func (c *carnage) end(ip string) {
	c.guard.Lock()
	defer c.guard.Unlock()
	if l := c.pods[ip]; l != nil && l.pod != "" {
		c.api.Delete("pods", "shop", l.pod)
		l.was = append(l.was, entitled{l.label, time.Now()})
		l.pod, l.label = "", ""
	}
}

// judge holds an answer against what the address was entitled to while it was asked for, or a moment before.
func (c *carnage) judge(nmi *child, ip, holder, said string, began time.Time) {
	c.guard.Lock()
	defer c.guard.Unlock()
	if holder == "" {
		c.refusals++
		return
	}
	c.tokens++
	var labels []string
	if l := c.pods[ip]; l != nil {
		labels = append(labels, l.label)
		for _, w := range l.was {
			if w.until.After(began.Add(-lag)) {
				labels = append(labels, w.label)
			}
		}
	}
	mine := c.nmis[ip[6]-'1'] == nmi
	fits := slices.ContainsFunc(labels, func(label string) bool {
		return (label == "a" || label == "b" || label == "c") && c.clientID(label) == holder
	})
	if !mine || !fits {
		c.t.Errorf("%s got a token of %s, entitled to %q, on its own node %v: %s", ip, holder, labels, mine, said)
	}
}

// settle waits until everything is as it should be: objects, the scale set, and what each pod gets.
func (c *carnage) settle() {
	want, held := map[string]string{}, map[string]bool{"foreign": true}
	for _, l := range c.pods {
		if l.label == "a" || l.label == "b" || l.label == "c" {
			want[l.pod], held[l.label] = l.label+" Assigned", true
		}
	}
	until(c.t, "objects as wanted", func() bool { return fmt.Sprint(c.states()) == fmt.Sprint(want) })
	for ip, l := range c.pods {
		if l.pod == "" || l.label == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
		if want[l.pod] == "" {
			cancel() // it would wait for long, and in vain
		}
		holder, said := c.ask(ctx, c.nmis[ip[6]-'1'], ip, "")
		cancel()
		if want[l.pod] == "" && holder != "" || want[l.pod] != "" && holder != c.clientID(l.label) {
			c.t.Errorf("at rest %s of %q got a token of %q: %s", l.pod, l.label, holder, said)
		}
	}
	until(c.t, "the scale set has what is used, and the foreign identity", func() bool {
		for _, name := range []string{"a", "b", "c", "foreign"} {
			if c.onMachine(name) != held[name] {
				return false
			}
		}
		return true
	})
}
