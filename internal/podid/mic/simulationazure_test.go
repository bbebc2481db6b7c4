package mic_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mood is what a machine's manager does instead of what it should.
type mood struct {
	answer func() *http.Response // instead of doing anything
	slow   time.Duration
	lose   bool // it does what it should, and nobody hears of it
}

// annoy makes one machine difficult.
func (s *simulation) annoy() {
	path := s.paths[s.random.IntN(len(s.paths))]
	moods := []mood{
		{answer: func() *http.Response { return answers(409, "Conflict", "another operation is in progress") }},
		{answer: func() *http.Response { return answers(429, "TooManyRequests", "too many", "Retry-After", "17") }},
		{answer: func() *http.Response { return answers(503, "ServerTimeout", "later") }},
		{answer: func() *http.Response { return answers(500, "InternalServerError", "sorry") }},
		{slow: 7 * time.Second}, {slow: 25 * time.Second}, {lose: true}, {lose: true, slow: 3 * time.Second},
	}
	mood := moods[s.random.IntN(len(moods))]
	s.azure.set(func() { s.trouble[path] = mood })
}

// faultOf is asked under the lock of azure.
func (s *simulation) faultOf(method, path string) *http.Response {
	if mood := s.trouble[strings.ToLower(path)]; mood.answer != nil && method == http.MethodPatch {
		return mood.answer()
	}
	return nil
}

func (s *simulation) moodOf(path string) (m mood) {
	s.azure.set(func() { m = s.trouble[strings.ToLower(path)] })
	return m
}

func (s *simulation) annoyed(path string) bool {
	m := s.moodOf(path)
	return m.answer != nil || m.slow > 0 || m.lose
}

func (s *simulation) slowness(_, path string) time.Duration { return s.moodOf(path).slow }

func (s *simulation) loses(method, path string) bool {
	return method == http.MethodPatch && s.moodOf(path).lose
}

// attachByHand is somebody else who puts an identity there that pods have as well, before MIC does: it stays. Whoever does
// it in the same second as the pod comes cannot be told from MIC.
func (s *simulation) attachByHand() {
	path, name := s.paths[s.random.IntN(len(s.paths))], fmt.Sprint("id-", 1+s.random.IntN(simNames-4))
	id := idOf(name)
	key := strings.ToLower(id)
	if !s.leading || !s.writable || s.heldBy(path)[key] || s.annoyed(path) {
		return
	}
	for a := range s.wanted() {
		if parts := strings.Fields(a); s.machine[parts[2]] == path && strings.EqualFold(parts[4], id) {
			return
		}
	}
	if _, ours := s.byHand[path+" "+key]; ours || s.noted(path, key) {
		return
	}
	if s.putForeign(path, id, "{}") {
		s.done["(it stays)"]++
		s.wait(2 * time.Second)
	}
}

// putForeign attaches an identity as somebody else, {}, or detaches it, null. It is false when Azure does not do it.
func (s *simulation) putForeign(path, id, value string) bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.azure.patch(path, fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:%s}}}`, id, value)) != http.StatusOK {
		return false
	}
	s.foreign[path][strings.ToLower(id)] = value == "{}"
	return true
}

// stranger is somebody else who puts an identity on a machine, or takes it off again.
func (s *simulation) stranger() {
	path := s.paths[s.random.IntN(len(s.paths))]
	id := idOf(fmt.Sprint("foreign-", 1+s.random.IntN(3)))
	value := "{}"
	if s.foreign[path][strings.ToLower(id)] {
		value = "null"
	}
	s.putForeign(path, id, value)
}

// byHandOnce takes something of ours off a machine.
func (s *simulation) byHandOnce() {
	path := s.paths[s.random.IntN(len(s.paths))]
	id := idOf(fmt.Sprint("id-", 1+s.random.IntN(simNames-4)))
	if s.foreign[path][strings.ToLower(id)] {
		return
	}
	if s.azure.patch(path, fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:null}}}`, id)) == http.StatusOK {
		s.byHand[path+" "+strings.ToLower(id)] = time.Now()
	}
}

// noted is true when the ledger says that an identity of a machine is MIC's, or is to be.
func (s *simulation) noted(path, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	if err := json.Unmarshal([]byte(s.data["identities"]), &ids); err != nil {
		s.t.Error(err)
	}
	for key, text := range s.data {
		var machine struct {
			ID    string
			Owned map[int]int64
			Add   []int
		}
		if !strings.HasPrefix(key, "machine.") {
			continue
		}
		if err := json.Unmarshal([]byte(text), &machine); err != nil {
			s.t.Error(err)
		}
		if !strings.EqualFold(machine.ID, path) {
			continue
		}
		for n := range machine.Owned {
			machine.Add = append(machine.Add, n)
		}
		return slices.ContainsFunc(machine.Add, func(n int) bool { return strings.EqualFold(ids[n], id) })
	}
	return false
}
