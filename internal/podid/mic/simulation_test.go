package mic_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/api/aadpodidentity"
	emulator "strongroom/internal/emulator/arm"
	"strongroom/internal/fault"
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
	trouble  map[string]func() *http.Response // by machine
	leading  bool
	writable bool
}

func TestSimulation(t *testing.T) {
	for seed, size := range []struct{ pods, steps int }{{2000, 6}, {150, 40}, {150, 40}} {
		t.Run(fmt.Sprint("seed ", seed, ", ", size.pods, " pods"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, uint64(seed), size.pods)
				for range size.steps {
					s.step()
					s.judge()
					if t.Failed() {
						t.Fatalf("stopped at the first failure, %v in", time.Now())
					}
				}
				s.settle()
				s.halt()
				t.Logf("%d updates, %d reads, %d objects", s.azure.calls("PATCH"), s.azure.calls("GET"), len(s.objects()))
			})
		})
	}
}

func newSimulation(t *testing.T, seed uint64, size int) *simulation {
	s := &simulation{world: &world{t: t, azure: newAzure(t, 0), cluster: newCluster(), log: &syncBuffer{}, configure: func(*mic.Config) {}},
		random: rand.New(rand.NewPCG(seed, 0)), all: map[string]string{}, machine: map[string]string{}, foreign: map[string]map[string]bool{},
		byHand: map[string]time.Time{}, trouble: map[string]func() *http.Response{}, writable: true}
	s.configure = func(c *mic.Config) { c.DetachDelay = 2 * time.Minute }
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
	s.azure.fault = s.faultOf
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

// step is one change, and the time after it.
func (s *simulation) step() {
	switch s.random.IntN(14) {
	case 0, 1, 2, 3:
		s.churn(1 + s.random.IntN(60))
	case 4:
		s.loseNode()
	case 5:
		for node, provider := range s.all {
			s.node(node, provider)
		}
	case 6:
		s.restart()
	case 7, 8:
		s.annoy()
	case 9:
		s.troubles()
	case 10:
		s.stranger()
	case 11:
		s.editSomething()
	case 12:
		s.byHandOnce()
	case 13:
		s.writable = !s.writable || s.random.IntN(2) == 0
		s.refuseWrites(!s.writable)
	}
	s.wait([]time.Duration{400 * time.Millisecond, 3 * time.Second, 15 * time.Second, 4 * time.Minute}[s.random.IntN(4)])
}

// troubles ends them all.
func (s *simulation) troubles() { s.azure.set(func() { clear(s.trouble) }) }

// churn ends some pods, in one way or another, and starts as many.
func (s *simulation) churn(n int) {
	for _, p := range sorted(pods{s.cluster}.List(), func(p match.Pod) string { return p.Namespace + "/" + p.Name }) {
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
	}
	if s.leading = s.random.IntN(4) != 0; s.leading {
		s.lead()
	}
}

// annoy makes one machine difficult.
func (s *simulation) annoy() {
	path := s.paths[s.random.IntN(len(s.paths))]
	moods := []func() *http.Response{
		func() *http.Response { return answers(409, "Conflict", "another operation is in progress") },
		func() *http.Response { return answers(429, "TooManyRequests", "too many", "Retry-After", "17") },
		func() *http.Response { return answers(503, "ServerTimeout", "later") },
		func() *http.Response { return answers(500, "InternalServerError", "sorry") },
	}
	mood := moods[s.random.IntN(len(moods))]
	s.azure.set(func() { s.trouble[path] = mood })
}

// faultOf is asked under the lock of azure.
func (s *simulation) faultOf(method, path string) *http.Response {
	if mood := s.trouble[strings.ToLower(path)]; mood != nil && (method == http.MethodPatch || strings.Contains(path, "/operations/")) {
		return mood()
	}
	return nil
}

// stranger is somebody else who puts an identity on a machine, or takes it off again.
func (s *simulation) stranger() {
	path := s.paths[s.random.IntN(len(s.paths))]
	id := idOf(fmt.Sprint("foreign-", 1+s.random.IntN(3)))
	key := strings.ToLower(id)
	s.guard.Lock()
	defer s.guard.Unlock()
	value := "{}"
	if s.foreign[path][key] {
		value = "null"
	}
	if s.azure.patch(path, fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:%s}}}`, id, value)) == http.StatusOK {
		s.foreign[path][key] = value == "{}"
	}
}

// byHandOnce takes something of ours off a machine.
func (s *simulation) byHandOnce() {
	path := s.paths[s.random.IntN(len(s.paths))]
	id := idOf(fmt.Sprint("id-", 1+s.random.IntN(simNames-4)))
	if s.azure.patch(path, fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:null}}}`, id)) == http.StatusOK {
		s.byHand[path+" "+strings.ToLower(id)] = time.Now()
	}
}

func (s *simulation) editSomething() {
	i := s.random.IntN(simNames - 3)
	name := fmt.Sprint("id-", i)
	switch s.random.IntN(4) {
	case 0:
		s.dropBinding("team", name)
	case 1:
		s.putBinding("team", name, name, fmt.Sprint("l", s.random.IntN(simNames)))
	case 2:
		other := fmt.Sprint("id-", s.random.IntN(simNames-3))
		p, _ := s.azure.directory.Find(idOf(other))
		s.editIdentity("team", name, func(i *aadpodidentity.Identity) { i.ResourceID, i.ClientID = idOf(other), p.ClientID })
	case 3:
		s.editIdentity("team", name, func(i *aadpodidentity.Identity) { i.Labels = map[string]string{"step": fmt.Sprint(s.random.Int())} })
	}
}

func (s *simulation) refuseWrites(on bool) {
	if !on {
		s.setRefuse(nil)
		return
	}
	var n atomic.Int64
	s.setRefuse(func(verb, _ string) error {
		if verb == "ledger" || n.Add(1)%3 == 0 {
			return fault.New(fault.Unavailable, verb, "no answer")
		}
		return nil
	})
}
