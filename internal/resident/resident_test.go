package resident

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"strongroom/internal/clock"
)

func TestTheStartIsLeftInPeace(t *testing.T) {
	t.Parallel()
	fake := clock.NewFake()
	done := make(chan error, 1)
	go func() { done <- Settling{Clock: fake, Log: slog.New(slog.DiscardHandler)}.Run(t.Context()) }()
	fake.BlockUntil(1)
	fake.Advance(settled - time.Second)
	select {
	case <-done:
		t.Fatal("it did not wait")
	default:
	}
	fake.Advance(time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAProcessThatEndsEarlyWaitsForNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Settling{Clock: clock.NewFake(), Log: slog.New(slog.DiscardHandler)}).Run(ctx); err != nil {
		t.Fatal(err)
	}
}
