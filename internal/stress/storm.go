package stress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
)

// storm is one run.
type storm struct {
	config  Config
	start   time.Time
	wrong   atomic.Int64 // what is wrong with the wall clocks of all nodes
	azure   *azure
	wire    *wire
	classes map[string]secretsstore.Class
	nodes   []*node

	mu    sync.Mutex
	phase phaseLog
	ages  []time.Duration // of the plot: the oldest served, at the end of each bucket
}

// phaseLog is what happens in the phase that is on.
type phaseLog struct {
	calm    time.Time // since when nothing is in the way; zero while something is
	mounts  int
	late    int
	slowest time.Duration // of the mounts, counted from calm for pods that came before it
	oldest  time.Duration
	heap    uint64
	rss     uint64
	wrong   []string // what was not as promised
}

// Storm goes through all phases. It must run in a bubble of synctest, whose clock it uses up; real is the machine's time
// that has passed since some moment, which a bubble cannot know. An error is a storm that could not be made; what
// was not as promised is in the report.
func Storm(ctx context.Context, c Config, real func() time.Duration) (Report, error) {
	s := &storm{config: c, start: time.Now(), classes: classesOf(c)}
	var err error
	if s.azure, err = newAzure(c); err != nil {
		return Report{}, err
	}
	s.wire = &wire{azure: s.azure.Transport(), start: s.start}
	for i := range c.Nodes {
		s.nodes = append(s.nodes, newNode(s, i))
	}
	ctx, stop := context.WithCancel(ctx)
	var group errgroup.Group
	for _, n := range s.nodes {
		n.live(ctx, &group)
	}
	group.Go(func() error { s.watch(ctx); return nil })
	report := Report{Config: c}
	for _, p := range Phases(c) {
		row, failed := s.pass(p, real)
		if failed != nil {
			err = failed
			break
		}
		report.Rows = append(report.Rows, row)
		if c.Done != nil {
			c.Done(row)
		}
	}
	stop()
	_ = group.Wait() // nobody of them fails
	report.Traffic, report.Ages = s.wire.buckets, s.ages
	return report, err
}

// live starts a node: nodes of a cluster have begun at different times.
func (n *node) live(ctx context.Context, group *errgroup.Group) {
	delay := time.Duration(rand.New(rand.NewPCG(n.config.Seed, uint64(n.id)+1<<32)).Float64() * float64(n.config.Interval))
	group.Go(func() error { return n.publisher.Run(ctx) })
	for _, p := range n.pods {
		group.Go(func() error {
			if p.sleep(ctx, delay) {
				p.live(ctx)
			}
			return nil
		})
	}
}

// pass goes through one phase: trouble, calm, and a look at everything.
func (s *storm) pass(p Phase, real func() time.Duration) (Row, error) {
	began, machine, before := time.Now(), real(), s.wire.sum()
	s.mu.Lock()
	s.phase = phaseLog{}
	s.mu.Unlock()
	if err := s.trouble(p); err != nil {
		return Row{}, err
	}
	s.mu.Lock()
	s.phase.calm = time.Now()
	s.mu.Unlock()
	if p.Trouble > 0 {
		s.look(p, false)
	}
	time.Sleep(p.Calm)
	failed := s.look(p, true)
	row := Row{Phase: p, From: began.Sub(s.start), To: time.Since(s.start), Failed: failed, Took: real() - machine}
	row.Traffic = s.wire.sum().minus(before)
	s.mu.Lock()
	row.Mounts, row.Late, row.Slowest, row.Oldest = s.phase.mounts, s.phase.late, s.phase.slowest, s.phase.oldest
	row.Heap, row.RSS, row.Wrong = s.phase.heap, s.phase.rss, s.phase.wrong
	s.mu.Unlock()
	row.judge(s.config)
	return row, nil
}

// Into each phase somebody changes all values, and on each node some pods make way for new ones.
const (
	changeAfter = 20 * time.Second
	rollAfter   = 30 * time.Second
	rolled      = 2 // pods of each node, all of one ServiceAccount
)

// trouble is a phase up to where nothing is in the way any more.
func (s *storm) trouble(p Phase) error {
	p = p.orCalm()
	if err := p.begin(s); err != nil {
		return err
	}
	time.Sleep(changeAfter)
	if err := s.azure.change(); err != nil {
		return err
	}
	time.Sleep(rollAfter - changeAfter)
	if p.Rolls {
		for _, n := range s.nodes {
			for i := range rolled {
				n.pods[(i*s.config.Accounts)%len(n.pods)].restart()
			}
		}
	}
	time.Sleep(max(0, p.Trouble-rollAfter))
	return p.end(s)
}

// mounts takes down a mount that succeeded.
func (s *storm) mounts(took time.Duration, came time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase.mounts++
	if s.phase.calm.IsZero() {
		return
	}
	if came.Before(s.phase.calm) {
		took = time.Since(s.phase.calm)
	}
	s.phase.slowest = max(s.phase.slowest, took)
	if took > lateAfter {
		s.phase.late++
	}
}

// longestList is how many findings of one phase are told.
const longestList = 8

func (s *storm) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.phase.wrong) < longestList {
		s.phase.wrong = append(s.phase.wrong, fmt.Sprintf(format, args...))
	}
}
