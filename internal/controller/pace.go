package controller

import (
	"context"
	"sync"
	"time"

	"strongroom/internal/clock"
)

// How fast statuses are written when a whole cluster's classes need one: the API server has others to serve.
const (
	writesPerSecond = 20
	writesAtOnce    = 100
)

// pace lets writesAtOnce through and then writesPerSecond.
type pace struct {
	clock clock.Clock
	mu    sync.Mutex
	next  time.Time // when the next would be due if there were no burst
}

// wait returns when it is one's turn, or with ctx's error when that ends first.
func (p *pace) wait(ctx context.Context) error {
	if !clock.Sleep(ctx, p.clock, p.turn()) {
		return ctx.Err()
	}
	return nil
}

func (p *pace) turn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	const each = time.Second / writesPerSecond
	now := p.clock.Now()
	if earliest := now.Add(-each * (writesAtOnce - 1)); p.next.Before(earliest) {
		p.next = earliest
	}
	due := p.next
	p.next = due.Add(each)
	return due.Sub(now)
}
