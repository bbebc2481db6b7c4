package clock_test

import (
	"testing"
	"time"

	"strongroom/internal/clock"
)

func TestAFakeClockMovesOnlyByHand(t *testing.T) {
	t.Parallel()
	c := clock.NewFake()
	soon, _ := c.After(time.Second)
	later, stop := c.After(time.Minute)
	atOnce, _ := c.After(0)
	<-atOnce
	c.BlockUntil(2)
	c.Advance(time.Second)
	<-soon
	select {
	case <-later:
		t.Error("fired early")
	default:
	}
	stop()
	stop()
	c.Advance(time.Hour)
	select {
	case <-later:
		t.Error("a stopped timer fired")
	default:
	}
}

func TestTheRealClockFires(t *testing.T) {
	t.Parallel()
	began := clock.Real{}.Now()
	fired, stop := clock.Real{}.After(time.Millisecond)
	defer stop()
	<-fired
	if !began.Before(clock.Real{}.Now()) {
		t.Error("time stood still")
	}
}
