package share

import (
	"context"
	"time"
)

// sweepEvery is how often Run looks for what nobody uses.
const sweepEvery = 10 * time.Minute

// Run drops what nobody has been given for longer than Config.MaxIdle, now and then, until ctx is done; so the secrets
// of pods that have left the node leave the memory, too. Without it they stay until a bound drives them out. A process
// that ends soon need not run it. The error is always nil.
func (p *Pool) Run(ctx context.Context) error {
	for {
		due, stop := p.clock.After(sweepEvery)
		select {
		case <-due:
			p.sweep()
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

func (p *Pool) sweep() {
	if p.cfg.MaxIdle < 0 {
		return
	}
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for back := p.used.Back(); back != nil; back = p.used.Back() {
		e := back.Value.(*entry)
		if now.Sub(e.used) <= p.cfg.MaxIdle {
			return
		}
		p.counts.swept++
		p.dropLocked(e)
	}
}
