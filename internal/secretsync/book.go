package secretsync

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync/shape"
)

// id names a Secret.
type id struct{ namespace, name string }

func (i id) String() string { return i.namespace + "/" + i.name }

// volume is what one pod has mounted. All of it is guarded by Syncer.mu.
type volume struct {
	target     string
	pod        secret.Pod
	class      string
	classUID   string
	generation int64
	provider   string
	asked      time.Time
	files      func() ([]secret.File, error)
	wishes     map[string]*wish // by the Secret's name, or by its place in the class where the name is no use
}

// wish is one Secret one volume asks for. It is guarded by Syncer.mu.
type wish struct {
	volume *volume
	object secretsstore.SecretObject
	claim  *claim // nil for an entry that can never be a Secret
	told   told

	// What follows is worked out when it is first needed, and anew when the volume or its class changed.
	edition int // counts those changes
	known   bool
	print   fingerprint
	problem error // why its files make no Secret

	met      bool // whether what follows was asked for
	owners   []secretsstore.Owner
	finished bool // the pod has ended, or is about to
}

// kept is one Secret that pods of this node ask for.
type kept struct {
	id
	turn   chan struct{}     // holds one token while somebody works on the Secret
	heard  string            // the newest resourceVersion the watch told of; guarded by Syncer.mu, as is claims
	claims map[string]*claim // by class
}

// claim is what the volumes of one class ask of a Secret. Its fields are guarded by Syncer.mu; what stands is found out
// and changed only by whoever has the Secret's turn.
type claim struct {
	on     *kept
	class  string
	wishes map[*wish]bool
	standing
	trouble
}

// standing is what is known of the live Secret. The zero standing is nothing.
type standing struct {
	version string      // its resourceVersion when it was last found, or put, in order
	judged  fingerprint // of the content it was compared with
	live    fingerprint // of the content it had
	ahead   time.Time   // see verdict
	owners  []secretsstore.Owner
	doubted bool // it was said to be deleted since
}

// enter waits for the Secret's turn.
func (k *kept) enter(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "", "secret %s is in work for another pod for too long", k.id)
	}
}

func (k *kept) leave() { <-k.turn }

// meet notes what was mounted, and lists the volume's wishes. moved is true when content or class may be others than the
// last time, so that what was found out must be found out anew.
func (s *Syncer) meet(m publish.Mounted) (wishes []*wish, moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[m.Volume.Target]
	if v != nil && (v.pod != m.Volume.Pod || v.class != m.Class.Metadata.Name) {
		s.forgetLocked(m.Volume.Target)
		v = nil
	}
	if len(m.Class.Spec.SecretObjects) == 0 {
		s.forgetLocked(m.Volume.Target)
		return nil, false
	}
	if v == nil {
		v = &volume{target: m.Volume.Target, pod: m.Volume.Pod, class: m.Class.Metadata.Name, wishes: map[string]*wish{}}
		s.volumes[m.Volume.Target] = v
		moved = true
	}
	v.classUID, v.generation, v.provider = m.Class.Metadata.UID, m.Class.Metadata.Generation, m.Class.Spec.Provider
	v.asked, v.files = m.Asked, m.Files
	moved = moved || m.Changed || m.First
	named := map[string]bool{}
	for i, object := range m.Class.Spec.SecretObjects {
		name, problem := judgeEntry(object, named)
		if problem != nil {
			name = fmt.Sprintf("#%d", i) // no Secret's name
			problem = fault.Wrap(problem, fault.Invalid, "", "entry %d of secretObjects in class %s/%s is wrong", i+1, v.pod.Namespace, v.class)
		}
		named[name] = true
		w, edited := s.noteLocked(v, name, object, problem, moved)
		wishes = append(wishes, w)
		moved = moved || edited
	}
	for name, w := range v.wishes {
		if !named[name] {
			s.dropLocked(v, name, w)
		}
	}
	return wishes, moved
}

// judgeEntry is an entry's name, or why it can be no Secret whatever is mounted.
func judgeEntry(object secretsstore.SecretObject, named map[string]bool) (string, error) {
	made, err := shape.Check(object)
	if err == nil && named[made.Name] {
		err = fault.New(fault.Invalid, "", "secretName %s stands twice in the class", made.Name).
			Mend("put all of its data into one entry")
	}
	return made.Name, err
}

// noteLocked is the wish for an entry, which begins anew when it was edited or the content moved.
func (s *Syncer) noteLocked(v *volume, name string, object secretsstore.SecretObject, problem error, moved bool) (w *wish, edited bool) {
	w = v.wishes[name]
	if w == nil {
		w = &wish{volume: v}
		v.wishes[name] = w
		if problem == nil {
			w.claim = s.claimLocked(id{v.pod.Namespace, name}, v.class)
			w.claim.wishes[w] = true
		}
	}
	edited = !reflect.DeepEqual(w.object, object)
	if moved || edited {
		w.object, w.problem = object, problem
		w.known = problem != nil
		w.met = false
		w.edition++
	}
	return w, edited
}

func (s *Syncer) claimLocked(secret id, class string) *claim {
	k := s.secrets[secret]
	if k == nil {
		k = &kept{id: secret, turn: make(chan struct{}, 1), claims: map[string]*claim{}}
		s.secrets[secret] = k
	}
	c := k.claims[class]
	if c == nil {
		c = &claim{on: k, class: class, wishes: map[*wish]bool{}}
		k.claims[class] = c
	}
	return c
}

// Forget is told that a volume is gone. Its pod keeps nothing alive any more; the Secrets stay until Kubernetes finds
// their owners gone.
func (s *Syncer) Forget(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(target)
}

// ForgetPod is told that a pod is gone, by its UID.
func (s *Syncer) ForgetPod(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for target, v := range s.volumes {
		if v.pod.UID == uid {
			s.forgetLocked(target)
		}
	}
}

func (s *Syncer) forgetLocked(target string) {
	if v := s.volumes[target]; v != nil {
		for name, w := range v.wishes {
			s.dropLocked(v, name, w)
		}
		delete(s.volumes, target)
	}
}

func (s *Syncer) dropLocked(v *volume, name string, w *wish) {
	delete(v.wishes, name)
	if c := w.claim; c != nil {
		delete(c.wishes, w)
		if len(c.wishes) == 0 {
			delete(c.on.claims, c.class)
		}
		if len(c.on.claims) == 0 && s.secrets[c.on.id] == c.on {
			delete(s.secrets, c.on.id)
		}
	}
}
