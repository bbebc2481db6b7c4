package publish

import "time"

// abandoned is how long after its last publish a volume that is not there is remembered: longer than a kubelet waits
// between two tries of a mount, whose history must not be lost.
const abandoned = 10 * time.Minute

// forgetLost forgets the volumes that nobody will unpublish: a kubelet does not when the first mount never succeeded,
// nor when somebody else took the target away. What stands at its target is remembered however long nobody asks for it.
func (p *Publisher) forgetLost(now time.Time) {
	for _, target := range p.idle(now) {
		if t, err := p.claim(target); err == nil {
			state, err := p.Volumes.Inspect(target)
			t.gone = err == nil && !state.Exists
			p.release(t)
			if t.gone && p.Recorder != nil {
				p.Recorder.Forgotten(target)
			}
		}
	}
}

// idle lists the targets that nobody touched for long, at most once in that time.
func (p *Publisher) idle(now time.Time) (targets []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.looked) < abandoned {
		return nil
	}
	p.looked = now
	for target, t := range p.volumes {
		if !t.busy && now.Sub(t.touched) > abandoned {
			targets = append(targets, target)
		}
	}
	return targets
}
