package secretsync

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"strongroom/internal/secret"
)

// life is two nodes and everything that happens to them, in an order that chance decides and a seed repeats.
type life struct {
	*cluster
	dice   *rand.Rand
	ctx    context.Context
	nodes  []*node
	pods   map[string]*pod
	vault  int
	born   int
	acting *node // whose turn it is; in the midst of its calls the others act
}

func newLife(t *testing.T, seed uint64) *life {
	l := &life{cluster: newCluster(t), dice: rand.New(rand.NewPCG(seed, 1)), ctx: t.Context(), pods: map[string]*pod{}}
	l.class("web", "db")
	l.nodes = []*node{l.node(), l.node()}
	l.between = l.meanwhile
	for _, n := range l.nodes {
		l.starts(n)
	}
	return l
}

// meanwhile lets the other node, or somebody's hand, act between a read and a write.
func (l *life) meanwhile(string, id) {
	if l.acting == nil || l.dice.IntN(4) > 0 {
		return
	}
	mine := l.acting
	l.acting = nil
	other := l.nodes[0]
	if mine == other {
		other = l.nodes[1]
	}
	l.act(other)
	l.acting = mine
}

func (l *life) value() string { return fmt.Sprint("value-", l.vault) }

func (l *life) starts(n *node) {
	l.born++
	owner := []string{"", "rs-a", "rs-b", "rs-a'"}[l.dice.IntN(4)]
	if l.gone["uid-"+owner] {
		owner = ""
	}
	p := n.pod(fmt.Sprintf("pod-%d", l.born), owner, l.classes["shop/web"])
	l.pods[p.meta.UID] = p
	p.has(l.ctx, "db", l.value())
}

// some is one of a node's pods.
func (l *life) some(n *node) *pod {
	var list []*pod
	for _, uid := range slices.Sorted(maps.Keys(l.pods)) {
		if l.pods[uid].on == n {
			list = append(list, l.pods[uid])
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[l.dice.IntN(len(list))]
}

// act is one thing that happens on, or near, a node.
func (l *life) act(n *node) {
	p := l.some(n)
	l.advance(time.Duration(l.dice.IntN(3000)) * time.Millisecond)
	switch l.dice.IntN(13) {
	case 0:
		l.vault++
	case 1, 2:
		l.starts(n)
	case 3, 4, 5:
		if p != nil {
			p.has(l.ctx, "db", l.value())
		}
	case 6: // fetched, but told of only after others have acted
		if p != nil {
			p.mu.Lock()
			p.files["db"], p.asked = l.value(), l.advance(time.Millisecond)
			p.mu.Unlock()
			l.vault += l.dice.IntN(2)
			l.advance(time.Second)
			defer p.mounted(l.ctx, true)
		}
	case 7:
		if p != nil && len(l.pods) > 1 {
			l.stops(p)
		}
	case 8:
		l.edit("db", func(s *Secret) { s.Data["password"] = secret.NewValue([]byte("by hand")) })
	case 9:
		l.remove("db")
	case 10:
		l.collect()
	case 11:
		l.deliver()
	default:
		if l.acting == n && l.dice.IntN(3) == 0 {
			n.start() // a driver that was killed; the kubelet mounts again
			for _, uid := range slices.Sorted(maps.Keys(l.pods)) {
				if p := l.pods[uid]; p != nil && p.on == n { // the other node ends none of these, but its own
					p.mounted(l.ctx, false)
				}
			}
			return
		}
		n.tend()
	}
}

// stops ends a pod, and its owner with the last one.
func (l *life) stops(p *pod) {
	p.ends()
	delete(l.pods, p.meta.UID)
	p.on.ForgetPod(p.meta.UID)
	l.gone[p.meta.UID] = true
	for _, owner := range l.cluster.pods[p.meta.UID].owners {
		if !slices.Contains(l.owners(), owner.UID) {
			l.gone[owner.UID] = true
		}
	}
}

// owners are the UIDs of those that own the pods there are.
func (l *life) owners() (uids []string) {
	for uid := range l.pods {
		owners := l.cluster.pods[uid].owners
		if len(owners) == 0 {
			uids = append(uids, uid)
		}
		for _, owner := range owners {
			uids = append(uids, owner.UID)
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

// calm delivers and tends until nothing happens any more, and says how many rounds that took.
func (l *life) calm() (rounds int) {
	for ; rounds < 50; rounds++ {
		l.calls()
		l.deliver()
		l.advance(longestWait)
		due := l.nodes[0].tend() + l.nodes[1].tend()
		if _, applies := l.calls(); applies == 0 && due == 0 {
			return rounds
		}
	}
	return rounds
}

// However two nodes and other people's hands interleave: no write drops an owner or takes content back in time (the
// cluster sees to that), events alone bring both nodes to rest, everybody's next fetch brings the newest content, and then
// nothing is asked any more.
func TestTwoNodesConvergeAndRest(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		l := newLife(t, seed)
		for range 60 {
			l.acting = l.nodes[l.dice.IntN(2)]
			l.act(l.acting)
			l.acting = nil
		}
		l.between = nil
		l.collect()
		if rounds := l.calm(); rounds > 10 {
			t.Errorf("no rest after %d rounds", rounds)
		}
		for _, uid := range slices.Sorted(maps.Keys(l.pods)) {
			l.pods[uid].has(l.ctx, "db", l.value())
		}
		l.calm()
		l.collect()
		l.calm()
		l.mustHold("db", l.value(), l.owners()...)
		for range 3 {
			for _, p := range l.pods {
				p.has(l.ctx, "db", l.value())
				p.mounted(l.ctx, false)
			}
			l.deliver()
			l.advance(time.Minute)
			l.nodes[0].tend()
			l.nodes[1].tend()
		}
		l.mustCall(0, 0)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestPodsOfOneNodeStartAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	class := c.class("web", "db", "cache", "queue")
	var group sync.WaitGroup
	for i := range 60 {
		p := n.pod(fmt.Sprintf("web-%d", i), "web-rs", class)
		group.Go(func() { p.has(t.Context(), "db", "one") })
	}
	group.Wait()
	c.mustCall(3, 3)
	c.mustHold("cache", "one", "uid-web-rs")
}

func TestNodesStartAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	class := c.class("web", "db")
	var group sync.WaitGroup
	var owners []string
	for i := range 5 {
		n := c.node()
		for j := range 4 {
			name := fmt.Sprintf("pod-%d-%d", i, j)
			owners = append(owners, "uid-"+name)
			p := n.pod(name, "", class)
			group.Go(func() { p.has(t.Context(), "db", "one") })
		}
	}
	group.Wait()
	for range 20 { // whoever lost too often has another go
		c.deliver()
		c.advance(longestWait)
		for _, n := range c.nodes {
			n.tend()
		}
	}
	c.mustHold("db", "one", owners...)
}
