package stress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// pod is a place for pods, one after the other, and the kubelet's work on the volume of the present one.
type pod struct {
	*node
	account string
	place   int
	chance  *rand.Rand
	again   chan struct{} // the next pod is to take the place

	mu      sync.Mutex
	serial  int
	target  string
	came    time.Time // the present pod
	mounted time.Time // zero until its files are there
	failure error     // of the latest try to mount
}

func newPod(n *node, place int) *pod {
	return &pod{node: n, place: place, account: accountOf(place % n.config.Accounts), again: make(chan struct{}, 1),
		chance: rand.New(rand.NewPCG(n.config.Seed+uint64(n.id)<<20, uint64(place)))}
}

// A kubelet's waits between two tries of a mount.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 2*time.Minute + 2*time.Second
)

// come is a new pod, seen by the node now.
func (p *pod) come() publish.Volume {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	name := fmt.Sprintf("pod-%d-%d-%d", p.id, p.place, p.serial)
	p.target = filepath.Join(p.config.Dir, fmt.Sprintf("node-%d", p.id), name)
	p.came, p.mounted, p.failure = time.Now(), time.Time{}, nil
	p.node.mu.Lock()
	p.seen[name] = p.clock.Now()
	p.node.mu.Unlock()
	return publish.Volume{ID: name, Target: p.target, Class: p.account,
		Pod: secret.Pod{Namespace: namespace, Name: name, UID: name, ServiceAccount: p.account}}
}

// live is one pod after the other until ctx ends.
func (p *pod) live(ctx context.Context) {
	for ctx.Err() == nil {
		v := p.come()
		if p.sleep(ctx, p.spread(2*time.Second)) && p.mount(ctx, v) { // images are pulled, sandboxes made
			p.keep(ctx, v)
		}
		p.leave(ctx, v)
	}
}

// mount tries until the files are there, or the pod is to go.
func (p *pod) mount(ctx context.Context, v publish.Volume) bool {
	wait := firstRetry
	for {
		err := p.publish(ctx, v)
		p.note(err)
		if err == nil {
			return true
		}
		if !p.sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, lastRetry)
	}
}

// keep republishes, as a kubelet does whether or not anything changed.
func (p *pod) keep(ctx context.Context, v publish.Volume) {
	for p.sleep(ctx, republishEvery+p.spread(republishEvery/2)) {
		if err := p.publish(ctx, v); err != nil {
			p.complain("%s: a republish was answered with %v", v.ID, err)
		}
	}
}

func (p *pod) publish(ctx context.Context, v publish.Volume) (err error) {
	if v.Tokens, err = p.tokens(p.account); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, kubeletTime)
	defer cancel()
	return p.publisher.Publish(ctx, v)
}

func (p *pod) leave(ctx context.Context, v publish.Volume) {
	for {
		err := p.publisher.Unpublish(ctx, v.ID, v.Target)
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(firstRetry)
	}
	p.node.mu.Lock()
	delete(p.seen, v.Pod.UID)
	p.node.mu.Unlock()
}

// note takes down how a mount went.
func (p *pod) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failure = err
	if err == nil {
		p.mounted = time.Now()
		p.mounts(p.mounted.Sub(p.came), p.came)
	}
}

// sleep is false when the pod is to go.
func (p *pod) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.again:
	case <-ctx.Done():
	}
	return false
}

func (p *pod) spread(most time.Duration) time.Duration {
	return time.Duration(p.chance.Float64() * float64(most))
}

// restart lets the next pod take the place.
func (p *pod) restart() {
	select {
	case p.again <- struct{}{}:
	default: // it is about to
	}
}
