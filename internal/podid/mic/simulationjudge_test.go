package mic_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

func sorted[T any](list []T, by func(T) string) []T {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(by(a), by(b)) })
	return list
}

// watchUpdate judges an update before Azure sees it: nothing foreign, and nothing that an object says can be used, may
// be taken away.
func (s *simulation) watchUpdate(path, body string) {
	path = strings.ToLower(path)
	s.guard.Lock()
	defer s.guard.Unlock()
	var update struct {
		Identity struct {
			Type string
			User map[string]*struct{} `json:"userAssignedIdentities"`
		}
	}
	if err := json.Unmarshal([]byte(body), &update); err != nil {
		s.t.Errorf("%s: %v", body, err)
	}
	if !strings.Contains(update.Identity.Type, "UserAssigned") {
		for id, is := range s.foreign[path] {
			if is && s.heldBy(path)[id] {
				s.t.Errorf("%s: an update takes everything away, %s with it", path, id)
			}
		}
	}
	gone := map[string]bool{}
	for id, value := range update.Identity.User {
		if gone[strings.ToLower(id)] = value == nil; value == nil && s.foreign[path][strings.ToLower(id)] {
			s.t.Errorf("%s: %s is somebody else's, and taken off", path, id)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.assigned {
		if s.machine[a.Node] == path && usable(&a) && (gone[strings.ToLower(a.Identity.ResourceID)] || !strings.Contains(update.Identity.Type, "UserAssigned")) {
			if _, known := s.machines[a.Node]; !known {
				continue // nobody runs there any more
			}
			s.t.Errorf("%s: %s is taken off, and in use by %s", path, a.Identity.ResourceID, a.Pod)
		}
	}
}

func usable(a *aadpodidentity.AssignedIdentity) bool {
	return a.State == aadpodidentity.Assigned || a.State == ""
}

// heldBy is what a machine has at this moment, in lower case.
func (s *simulation) heldBy(path string) map[string]bool {
	held := map[string]bool{}
	for node, at := range s.machine {
		if at == path {
			for _, p := range s.azure.server.Holding(node).User {
				held[strings.ToLower(p.ResourceID)] = true
			}
			break
		}
	}
	return held
}

// wanted spells what the bindings give, by a rule written for the second time: "pod namespace, pod, node, resource id".
func (s *simulation) wanted() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := map[string]bool{}
	for _, p := range s.cluster.pods {
		if _, known := s.machines[p.Node]; !known || p.Finished {
			continue
		}
		for _, b := range s.bindings {
			if i, there := s.identities[objectKey{b.Namespace, b.AzureIdentity}]; there && b.Selector == p.Binding && (b.Namespace == p.Namespace || i.Annotations["aadpodidentity.k8s.io/Behavior"] != "namespaced") {
				want[strings.Join([]string{p.Namespace, p.Name, p.Node, i.Name, i.ResourceID}, " ")] = true
			}
		}
	}
	return want
}

func spell(a aadpodidentity.AssignedIdentity) string {
	return strings.Join([]string{a.PodNamespace, a.Pod, a.Node, a.Identity.Name, a.Identity.ResourceID}, " ")
}

// judge looks at everything between two steps.
func (s *simulation) judge() {
	held := map[string]map[string]bool{}
	for _, path := range s.paths {
		held[path] = s.heldBy(path)
		for id, is := range s.foreign[path] {
			if is && !held[path][id] && s.wasForeign(path, id) {
				s.t.Errorf("%s lost %s, which is somebody else's", path, id)
			}
		}
	}
	for key, since := range s.byHand {
		path, id, _ := strings.Cut(key, " ")
		if held[path][id] && time.Since(since) > 2*updateTime {
			delete(s.byHand, key)
		}
	}
	want := s.wanted()
	s.asked(want)
	if s.leading && s.writable {
		s.strict++
	}
	for _, a := range s.objects() {
		if !usable(&a) {
			continue
		}
		path, id := s.machine[a.Node], strings.ToLower(a.Identity.ResourceID)
		if !held[path][id] && s.byHand[path+" "+id].IsZero() {
			s.t.Errorf("%s %s says it can be used, and %s does not have %s", a.State, a.Name, path, id)
		}
		if s.leading && s.writable && !want[spell(a)] {
			s.t.Errorf("%s has what no binding gives it: %s", a.Name, spell(a))
		}
	}
}

// asked plays every pod's request to its node's daemon: what the objects of the pod allow, for the label and the node that
// it has now, is chosen from by each name that there is. Nobody is given what the bindings do not give, and whom an
// exception names is not answered from them. Pods that choose from the same get the same, so that is chosen once.
func (s *simulation) asked(want map[string]bool) {
	candidates := map[objectKey][]aadpodidentity.Identity{}
	list := s.objects()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range list {
		pod := objectKey{a.PodNamespace, a.Pod}
		if p, there := s.cluster.pods[pod]; there && usable(&a) && !a.Deleting && a.Node == p.Node && a.Binding.Selector == p.Binding {
			candidates[pod] = append(candidates[pod], a.Identity)
		}
	}
	asks := []match.Ask{{}, {ClientID: "nobody"}, {ResourceID: idOf("foreign-0")}}
	for _, i := range s.identities {
		asks = append(asks, match.Ask{ClientID: i.ClientID}, match.Ask{ResourceID: i.ResourceID}, match.Ask{ObjectID: "any"})
	}
	known := map[string][]aadpodidentity.Identity{}
	for pod, own := range candidates {
		p := s.cluster.pods[pod]
		if s.excepts(p) {
			continue
		}
		var among string
		for _, i := range own {
			among += i.Namespace + " " + i.Name + " " + i.ResourceID + " " + i.ClientID + "\n"
		}
		if known[among] == nil {
			known[among] = s.chosen(own, asks)
		}
		for _, i := range known[among] {
			given := strings.Join([]string{p.Namespace, p.Name, p.Node, i.Name, i.ResourceID}, " ")
			if s.leading && s.writable && !want[given] {
				s.t.Errorf("who asks gets %s", given)
			}
		}
	}
}

// chosen are those of a pod's identities that it can get by one of the requests. Whoever names one gets no other.
func (s *simulation) chosen(own []aadpodidentity.Identity, asks []match.Ask) (given []aadpodidentity.Identity) {
	for _, ask := range asks {
		for _, i := range match.Choose(own, ask) {
			if ask.ClientID != "" && !strings.EqualFold(i.ClientID, ask.ClientID) || ask.ResourceID != "" && !strings.EqualFold(i.ResourceID, ask.ResourceID) {
				s.t.Errorf("who asks for %s gets %s", ask, i.ResourceID)
			}
			given = append(given, i)
		}
	}
	return given
}

// wasForeign leaves out what a stranger has asked for a moment ago: it is there when the update is over.
func (s *simulation) wasForeign(path, id string) bool {
	return strings.HasSuffix(id, "foreign-0") || strings.HasSuffix(id, "id-0")
}

// settle lets everything come to rest, and looks whether it has come to what is wanted.
func (s *simulation) settle() {
	s.troubles()
	s.takeOver()
	s.takeWrites()
	s.wait(time.Hour)
	s.judge()
	want := s.wanted()
	needed := map[string]map[string]bool{}
	for _, path := range s.paths {
		needed[path] = map[string]bool{}
	}
	for _, a := range s.objects() {
		refused := strings.Contains(a.Identity.ResourceID, "forbidden")
		if !want[spell(a)] || (a.State != aadpodidentity.Assigned) != refused {
			s.t.Errorf("at rest %s says %q", spell(a), a.State)
		}
		delete(want, spell(a))
		if !refused {
			needed[s.machine[a.Node]][strings.ToLower(a.Identity.ResourceID)] = true
		}
	}
	for missing := range want {
		s.t.Errorf("at rest there is nothing for %s", missing)
	}
	for _, path := range s.paths {
		for id := range s.heldBy(path) {
			if !needed[path][id] && !s.foreign[path][id] {
				s.t.Errorf("at rest %s still has %s", path, id)
			}
		}
	}
	stats := s.leader.Stats()
	if stats.Updates != 0 {
		s.t.Errorf("at rest %+v", stats)
	}
}
