package clock_test

import (
	"context"
	"testing"
	"time"

	"strongroom/internal/clock"
)

func TestSleepEndsWithTheTimeOrTheContext(t *testing.T) {
	t.Parallel()
	c := clock.NewFake()
	ctx, cancel := context.WithCancel(t.Context())
	slept := make(chan bool, 1)
	sleep := func() { slept <- clock.Sleep(ctx, c, time.Minute) }
	go sleep()
	c.BlockUntil(1)
	c.Advance(time.Minute)
	if !<-slept {
		t.Error("the time did not wake it")
	}
	go sleep()
	c.BlockUntil(1)
	cancel()
	if <-slept {
		t.Error("it slept through its context's end")
	}
}

func TestBackoffDoublesUpToItsMost(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{-1: 0, 0: 0, 1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1 << 40: 10 * time.Second} {
		if got := clock.Backoff(failures, time.Second, 10*time.Second); got != want {
			t.Errorf("%d failures: %s, want %s", failures, got, want)
		}
	}
}
