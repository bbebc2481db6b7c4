package nmi

import (
	"sync"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

// enough bounds what each of these memories holds: more is forgotten, which costs a request or a repeated log line.
const enough = 4096

// setbacks remember for a moment what was refused, so that a pod that asks in a loop, or forty that wait for one
// identity, cost one request per step.
type setbacks struct {
	mu   sync.Mutex
	list map[secret.Principal]setback
}

type setback struct {
	err   error
	again time.Time
	count int
}

// of is what was refused and not long enough ago, and when it may be asked for again; a nil error is nothing.
func (s *setbacks) of(who secret.Principal, now time.Time) (again time.Time, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.list[who]
	if !known || !now.Before(b.again) {
		return time.Time{}, nil
	}
	return b.again, b.err
}

// note remembers a refusal for two seconds, or, where it may pass, for one, two, four and then five. Those who shared the
// same refusal count as one.
func (s *setbacks) note(who secret.Principal, err error, now time.Time, passing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.list[who]
	if now.Before(b.again) {
		return
	}
	pause := 2 * time.Second
	if now.Sub(b.again) > time.Minute {
		b.count = 0 // another story
	}
	if b.count++; passing {
		pause = clock.Backoff(b.count, time.Second, 5*time.Second)
	}
	if len(s.list) >= enough {
		clear(s.list)
	}
	s.list[who] = setback{err: err, again: now.Add(pause), count: b.count}
}

// told remembers what was logged, so that a pod that asks in a loop does not fill the log.
type told struct {
	mu   sync.Mutex
	when map[string]time.Time
}

// first is true when this was not said within a minute.
func (t *told) first(what string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if said, known := t.when[what]; known && now.Sub(said) < time.Minute {
		return false
	}
	if len(t.when) >= enough {
		clear(t.when)
	}
	t.when[what] = now
	return true
}

// ledger knows since when each assignment of this node has been usable, as this process saw it.
type ledger struct {
	mu   sync.Mutex
	pods map[string]map[string]time.Time // pod -> identity -> since
}

// read brings a pod's lines up to date.
func (l *ledger) read(namespace, pod string, list []aadpodidentity.AssignedIdentity, now time.Time) {
	lines := map[string]time.Time{}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.pods[podKey(namespace, pod)]
	for _, a := range list {
		if a.State != aadpodidentity.Assigned && a.State != "" {
			continue
		}
		key := identityKey(a.Identity)
		if since, known := before[key]; known {
			lines[key] = since
		} else {
			lines[key] = now
		}
	}
	if len(lines) == 0 {
		delete(l.pods, podKey(namespace, pod))
		return
	}
	l.pods[podKey(namespace, pod)] = lines
}

// since is when the pod's identity became usable: its assignment as far as it was seen, else the pod's own beginning.
func (l *ledger) since(pod Pod, i aadpodidentity.Identity) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since, known := l.pods[podKey(pod.Namespace, pod.Name)][identityKey(i)]; known {
		return since
	}
	return pod.Created
}

func identityKey(i aadpodidentity.Identity) string {
	return i.Namespace + "/" + i.Name + " " + i.ResourceID
}
