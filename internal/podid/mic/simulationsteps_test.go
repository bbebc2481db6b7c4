package mic_test

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// step is one change, and the time after it. Changes come at odd moments, never at the very one at which MIC does
// something by its clock: else who is first would be for the scheduler to say, and not for the seed.
func (s *simulation) step() {
	s.recover()
	name, change := s.pick()
	s.do(name, change)
	s.wait(s.pauses[s.random.IntN(len(s.pauses))] + time.Duration(s.random.IntN(1000))*time.Microsecond)
}

func (s *simulation) do(name string, change func()) {
	s.done[name]++
	s.trace = append(s.trace, fmt.Sprintf("%v %s", time.Since(s.began), name))
	change()
}

// recover ends what keeps MIC from working, before long: what nobody does can hardly be judged.
func (s *simulation) recover() {
	if !s.leading && s.random.IntN(2) == 0 {
		s.do("another leads", s.takeOver)
	}
	if !s.writable && s.random.IntN(2) == 0 {
		s.do("writes are taken again", s.takeWrites)
	}
}

func (s *simulation) takeOver() {
	if !s.leading {
		s.lead()
		s.leading = true
	}
}

// takeWrites returns when everything has been tried once more, which may have waited for a minute.
func (s *simulation) takeWrites() {
	s.setRefuse(nil)
	s.wait(61 * time.Second)
	s.writable = true
}

// refuseWrites has a third of the writes fail, and all of the ledger. Which ones follows from how often each was tried.
func (s *simulation) refuseWrites() {
	s.writable = false
	var mu sync.Mutex
	tried := map[string]int{}
	s.setRefuse(func(verb, name string) error {
		mu.Lock()
		defer mu.Unlock()
		key := verb + " " + name
		tried[key]++
		h := fnv.New32a()
		fmt.Fprint(h, key, tried[key])
		if verb == "ledger" || h.Sum32()%3 == 0 {
			return fault.New(fault.Unavailable, verb, "no answer")
		}
		return nil
	})
}

// How long a change is waited for, each as often as it stands there. A large cluster costs time of a processor for every
// pass, so it hurries.
var (
	hurried = []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond,
		400 * time.Millisecond, 3 * time.Second, 3 * time.Second, 15 * time.Second}
	patient = []time.Duration{400 * time.Millisecond, 3 * time.Second, 15 * time.Second, 4 * time.Minute}
)

func (s *simulation) pick() (string, func()) {
	changes := []struct {
		name   string
		often  int
		change func()
	}{
		{"pods come and go", 4, func() { s.churn(1 + s.random.IntN(s.many)) }},
		{"a node is lost", 1, s.loseNode},
		{"the nodes are back", 1, s.allNodes},
		{"a restart", 1, s.restart},
		{"a restart amid updates", 2, func() { s.midUpdate(); s.restart() }},
		{"Azure has a mood", 3, s.annoy},
		{"Azure has none", 1, s.troubles},
		{"a stranger's identity", 1, s.stranger},
		{"one of pods attached by hand", 1, s.attachByHand},
		{"one of ours detached by hand", 1, s.byHandOnce},
		{"an edit", 2, s.editSomething},
		{"an edit amid updates", 3, func() { s.midUpdate(); s.editSomething() }},
		{"an exception", 1, s.except},
		{"writes are refused", 1, s.refuseWrites},
	}
	sum := 0
	for _, c := range changes {
		sum += c.often
	}
	n := s.random.IntN(sum)
	for _, c := range changes {
		if n -= c.often; n < 0 {
			return c.name, c.change
		}
	}
	panic("unreachable")
}

// midUpdate lets pods begin something, and returns while Azure is at it; or soon, when it is not.
func (s *simulation) midUpdate() {
	s.churn(3)
	for range 20 {
		s.wait(200*time.Millisecond + 77*time.Microsecond)
		if s.leading && s.leader.Stats().Updates > 0 {
			s.done["(one was under way)"]++
			return
		}
	}
}

func (s *simulation) allNodes() {
	for _, node := range s.nodes {
		s.node(node, s.all[node])
	}
}

func (s *simulation) editSomething() {
	i := s.random.IntN(simNames - 3)
	name := fmt.Sprint("id-", i)
	switch s.random.IntN(6) {
	case 0:
		s.dropBinding("team", name)
	case 1:
		s.putBinding("team", name, name, fmt.Sprint("l", s.random.IntN(simNames)))
	case 2:
		other := fmt.Sprint("id-", s.random.IntN(simNames-3))
		p, _ := s.azure.directory.Find(idOf(other))
		s.editIdentity("team", name, func(i *aadpodidentity.Identity) {
			i.Namespace, i.Name, i.ResourceID, i.ClientID = "team", name, idOf(other), p.ClientID // anew, if it was deleted
		})
	case 3:
		s.editThere(name, func(i *aadpodidentity.Identity) { i.Labels = map[string]string{"step": fmt.Sprint(s.random.Int())} })
	case 4:
		s.dropIdentity("team", name)
	case 5:
		s.annotate(name)
	}
}

// editThere edits an identity that has not been deleted.
func (s *simulation) editThere(name string, edit func(*aadpodidentity.Identity)) {
	s.mu.Lock()
	_, there := s.identities[objectKey{"team", name}]
	s.mu.Unlock()
	if there {
		s.editIdentity("team", name, edit)
	}
}

// annotate keeps an identity to its namespace, or does so no longer.
func (s *simulation) annotate(name string) {
	s.editThere(name, func(i *aadpodidentity.Identity) {
		if i.Namespaced() {
			i.Annotations = nil
		} else {
			i.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
		}
	})
}

// except changes which pods go past the daemon: those of a namespace whose number ends in a digit.
func (s *simulation) except() {
	s.excepted = []aadpodidentity.Exception{{Meta: aadpodidentity.Meta{Namespace: "team", Name: "past"},
		PodLabels: map[string]string{"digit": fmt.Sprint(s.random.IntN(10))}}}
}

// excepts is what a daemon would do, which must be what was meant.
func (s *simulation) excepts(p match.Pod) bool {
	digit := p.Name[len(p.Name)-1:]
	past := match.Excepted(p.Namespace, map[string]string{"digit": digit}, s.excepted)
	if past != (len(s.excepted) > 0 && p.Namespace == "team" && digit == s.excepted[0].PodLabels["digit"]) {
		s.t.Errorf("%s/%s goes past the daemon: %v", p.Namespace, p.Name, past)
	}
	return past
}
