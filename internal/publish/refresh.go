package publish

import "time"

// ClassChanged is told of a class that came, was edited or went. The volumes of it that Run knows are looked at at once:
// what decides their content may have changed, or how old it may grow, or what a Follower makes of it.
func (p *Publisher) ClassChanged(namespace, name string) {
	p.each(time.Time{}, func(k *kept) bool { return k.Class == name && k.Pod.Namespace == namespace })
}

// Refresh asks for everything that a class has mounted on this node to be fetched now, whatever its age: nothing that
// was asked of the store before this moment will do. All volumes of one call share what one of them asks for. Run does
// it, and again until it succeeds; a rotation that is off does not keep it from that.
func (p *Publisher) Refresh(namespace, class string) {
	p.each(p.Clock.Now(), func(k *kept) bool { return k.Class == class && k.Pod.Namespace == namespace })
}

// RefreshPod is Refresh for the volumes of one pod.
func (p *Publisher) RefreshPod(uid string) {
	p.each(p.Clock.Now(), func(k *kept) bool { return k.Pod.UID == uid })
}

// each makes the volumes that concern due at once, and asks for content as new as that; zero asks for nothing.
func (p *Publisher) each(asking time.Time, concerns func(*kept) bool) {
	p.mu.Lock()
	for _, t := range p.volumes {
		if t.kept.target != "" && concerns(&t.kept) {
			t.soon, t.asking = true, later(t.asking, asking)
		}
	}
	p.mu.Unlock()
	p.nudge()
}
