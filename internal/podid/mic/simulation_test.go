package mic_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
	emulator "strongroom/internal/emulator/arm"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/mic"
)

// The size of the simulated cluster.
const (
	simSets  = 4
	simEach  = 23 // nodes of a scale set
	simVMs   = 8
	simNames = 24 // identities, of which the last few are refused
)

// simulation is a cluster that people and accidents change at random, with a leader that comes and goes, and Azure in all
// its moods. After every change it is judged; the judge sees every update before it is made.
type simulation struct {
	*world
	random   *rand.Rand
	nodes    []string
	all      map[string]string          // provider ids of all nodes, also of those that are lost
	machine  map[string]string          // of a node, as a path in lower case
	paths    []string                   // of all machines
	guard    sync.Mutex                 // of foreign
	foreign  map[string]map[string]bool // by machine: what others have put there, in lower case
	byHand   map[string]time.Time       // machine and id: detached by hand, when, and not yet put back
	pods     int
	trouble  map[string]mood // by machine
	excepted []aadpodidentity.Exception
	pauses   []time.Duration
	many     int // pods that come and go at a time
	passes   atomic.Int64
	began    time.Time
	done     map[string]int // how often, by what
	trace    []string       // what was done when
	strict   int            // how often it was judged while MIC led and could write
	leading  bool
	writable bool
}

func TestSimulation(t *testing.T) {
	for seed, size := range []struct{ pods, steps int }{{2000, 30}, {150, 60}, {150, 60}} {
		t.Run(fmt.Sprint("seed ", seed, ", ", size.pods, " pods"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := play(t, uint64(seed), size.pods, size.steps)
				t.Logf("%d passes, %d updates, %d reads, %d objects, judged in full %d times, after %v", s.passes.Load(), s.azure.calls("PATCH"), s.azure.calls("GET"), len(s.objects()), s.strict, s.done)
			})
		})
	}
}

// What is done and when is decided by the seed alone, and so is what it comes to.
func TestASimulationIsDecidedByItsSeed(t *testing.T) {
	t.Parallel()
	var plays [2]string
	for i := range plays {
		synctest.Test(t, func(t *testing.T) {
			s := play(t, 7, 40, 20)
			plays[i] = strings.Join(s.trace, "\n") + "\n" + s.says()
			for _, path := range s.paths {
				plays[i] += fmt.Sprintf("\n%s %v", path, slices.Sorted(maps.Keys(s.heldBy(path))))
			}
		})
	}
	if diff := cmp.Diff(plays[0], plays[1]); diff != "" {
		t.Error(diff)
	}
}

// play makes a number of changes, and judges after each.
func play(t *testing.T, seed uint64, size, steps int) *simulation {
	s := newSimulation(t, seed, size)
	for range steps {
		s.step()
		s.judge()
		if t.Failed() {
			t.Fatalf("stopped at the first failure, after\n%s", strings.Join(s.trace, "\n"))
		}
	}
	s.settle()
	s.halt()
	return s
}

func newSimulation(t *testing.T, seed uint64, size int) *simulation {
	s := &simulation{world: &world{t: t, azure: newAzure(t, 0), cluster: newCluster(), log: &syncBuffer{}, configure: func(*mic.Config) {}},
		random: rand.New(rand.NewPCG(seed, 0)), all: map[string]string{}, machine: map[string]string{}, foreign: map[string]map[string]bool{},
		byHand: map[string]time.Time{}, trouble: map[string]mood{}, done: map[string]int{}, began: time.Now(), writable: true}
	s.configure = func(c *mic.Config) {
		c.DetachDelay = 2 * time.Minute
		c.Passed = func(time.Duration) { s.passes.Add(1) }
	}
	s.pauses, s.many = patient, 60
	if size > 500 {
		s.pauses, s.many = hurried, 10
	}
	s.latency = time.Millisecond
	for i := range simNames {
		name := fmt.Sprint("id-", i)
		if i >= simNames-3 {
			name = fmt.Sprint("forbidden-", i)
		}
		s.use(name)
		s.putBinding("team", name, name, fmt.Sprint("l", i))
	}
	for i := range 4 {
		s.azure.identity(fmt.Sprint("foreign-", i))
	}
	for i := range simSets {
		s.simulate(fmt.Sprint("set-", i), emulator.ScaleSet, simEach)
	}
	for i := range simVMs {
		s.simulate(fmt.Sprint("vm-", i), emulator.VirtualMachine, 1)
	}
	for range size {
		s.startOne()
	}
	s.azure.watch = s.watchUpdate
	s.azure.fault, s.azure.slow, s.azure.lose = s.faultOf, s.slowness, s.loses
	s.lead()
	s.leading = true
	s.wait(30 * time.Second)
	return s
}

// simulate makes a machine, every second of which has identities of others from the beginning, also one that pods use.
func (s *simulation) simulate(name string, kind emulator.Kind, nodes int) {
	r := emulator.Resource{Kind: kind, Name: name}
	for i := range nodes {
		r.Nodes = append(r.Nodes, fmt.Sprintf("%s-%d", name, i))
	}
	path := strings.ToLower(strings.TrimPrefix(machineID(name, string(kind)), "azure://"))
	s.foreign[path] = map[string]bool{}
	if len(s.paths)%2 == 0 {
		for _, id := range []string{idOf("foreign-0"), idOf("id-0")} {
			p, _ := s.azure.directory.Find(id)
			r.Holding.User = append(r.Holding.User, p)
			s.foreign[path][strings.ToLower(id)] = true
		}
	}
	s.azure.add(r)
	s.paths = append(s.paths, path)
	for i, node := range r.Nodes {
		provider := machineID(name, string(kind))
		if kind == emulator.ScaleSet {
			provider += fmt.Sprint("/virtualMachines/", i)
		}
		s.nodes = append(s.nodes, node)
		s.all[node], s.machine[node] = provider, path
		s.node(node, provider)
	}
}

func (s *simulation) startOne() {
	s.pods++
	s.putPod([]string{"team", "other"}[s.random.IntN(2)], fmt.Sprint("p", s.pods), fmt.Sprint("l", s.random.IntN(simNames)), s.nodes[s.random.IntN(len(s.nodes))])
}

// troubles ends them all.
func (s *simulation) troubles() { s.azure.set(func() { clear(s.trouble) }) }

// churn ends some pods, in one way or another, and starts as many.
func (s *simulation) churn(n int) {
	for _, p := range sorted(pods{s.cluster}.List(), func(p *match.Pod) string { return p.Namespace + "/" + p.Name }) {
		if n == 0 {
			break
		}
		if s.random.IntN(30) != 0 {
			continue
		}
		n--
		switch s.random.IntN(4) {
		case 0:
			s.editPod(p.Namespace, p.Name, func(p *match.Pod) { p.Finished = true })
		case 1:
			s.editPod(p.Namespace, p.Name, func(p *match.Pod) { p.Binding = fmt.Sprint("l", s.random.IntN(simNames)) })
		default:
			s.dropPod(p.Namespace, p.Name)
		}
		s.startOne()
	}
}

func (s *simulation) loseNode() {
	node := s.nodes[s.random.IntN(len(s.nodes))]
	s.dropNode(node)
	if s.random.IntN(2) == 0 {
		return // its pods stay for a while
	}
	for _, p := range (pods{s.cluster}).List() {
		if p.Node == node {
			s.dropPod(p.Namespace, p.Name)
		}
	}
}

// restart ends the leader wherever it is; another takes over at once, or later.
func (s *simulation) restart() {
	if s.leading {
		s.halt()
		s.leading = false
	}
	if s.random.IntN(4) != 0 {
		s.takeOver()
	}
}
