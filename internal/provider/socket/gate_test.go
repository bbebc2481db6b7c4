package socket_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"strongroom/internal/clock"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
)

// doorway is a provider whose mounts report that they are in and wait to be let out.
type doorway struct {
	in  chan struct{}
	out chan struct{}
}

func newDoorway() doorway { return doorway{in: make(chan struct{}, 100), out: make(chan struct{})} }

func (d doorway) Mount(ctx context.Context, _ provider.Request) (provider.Response, error) {
	d.in <- struct{}{}
	select {
	case <-d.out:
		return oneFile("x"), nil
	case <-ctx.Done():
		return provider.Response{}, ctx.Err()
	}
}

func TestMountsBeyondTheBoundWaitAndThenAreTurnedAway(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := serve(t, socket.ServerConfig{Provider: door, MaxMounts: 2, MaxQueue: 3})
	client, _ := upstream(t, path)
	results := make(chan error, 6)
	for range 6 {
		go func() {
			_, err := client.Mount(context.Background(), mountRequest())
			results <- err
		}()
	}
	<-door.in
	<-door.in
	err := <-results // two run, three wait, so that one comes back while nothing moves
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "2 mounts are running and 3 are waiting") {
		t.Errorf("the sixth: %v, want ResourceExhausted", err)
	}
	if n := len(door.in); n != 0 {
		t.Errorf("%d more mounts run than may", n)
	}
	close(door.out)
	for range 5 {
		if err := <-results; err != nil {
			t.Errorf("one that ran or waited: %v", err)
		}
	}
}

func TestNoQueueAtAll(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := serve(t, socket.ServerConfig{Provider: door, MaxMounts: 1, MaxQueue: -1})
	client, _ := upstream(t, path)
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := client.Mount(context.Background(), mountRequest()); err != nil {
			t.Error(err)
		}
	})
	<-door.in
	if _, err := client.Mount(t.Context(), mountRequest()); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the second: %v, want ResourceExhausted", err)
	}
	close(door.out)
	first.Wait()
}

func TestWaitingEndsWithTheCallersPatience(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := serve(t, socket.ServerConfig{Provider: door, MaxMounts: 1})
	client, _ := upstream(t, path)
	var first sync.WaitGroup
	first.Go(func() { _, _ = client.Mount(context.Background(), mountRequest()) })
	<-door.in
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Mount(ctx, mountRequest())
	if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Unavailable { // by whose clock it ended first
		t.Errorf("got %v, want DeadlineExceeded or Unavailable", err)
	}
	close(door.out)
	first.Wait()
	if _, err := client.Mount(t.Context(), mountRequest()); err != nil {
		t.Errorf("the slot was not given back: %v", err)
	}
}

func TestShutdownLetsRunningMountsFinish(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := shortDir(t) + "/azure.sock"
	clk := clock.NewFake()
	stop := start(t, socket.ServerConfig{Socket: path, Provider: door, Clock: clk})
	client, _ := upstream(t, path)
	result := make(chan error, 1)
	go func() {
		_, err := client.Mount(context.Background(), mountRequest())
		result <- err
	}()
	<-door.in
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	clk.BlockUntil(1) // draining
	close(door.out)
	if err := <-result; err != nil {
		t.Errorf("the mount that was running: %v", err)
	}
	<-stopped
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := shortDir(t) + "/azure.sock"
	clk := clock.NewFake()
	stop := start(t, socket.ServerConfig{Socket: path, Provider: door, Clock: clk, Drain: time.Minute})
	client, _ := upstream(t, path)
	result := make(chan error, 1)
	go func() {
		_, err := client.Mount(context.Background(), mountRequest())
		result <- err
	}()
	<-door.in
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	clk.BlockUntil(1)
	clk.Advance(time.Minute)
	<-stopped
	if err := <-result; status.Code(err) != codes.Unavailable {
		t.Errorf("the mount that was cut off: %v, want Unavailable", err)
	}
}

func TestShutdownLeavesBehindWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	var log safeBuffer
	clk := clock.NewFake()
	path := shortDir(t) + "/azure.sock"
	stop := start(t, socket.ServerConfig{Socket: path, Clock: clk, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Provider: providerFunc(func(context.Context, provider.Request) (provider.Response, error) {
			close(in)
			<-out // whatever its context says
			return oneFile("x"), nil
		})})
	client, _ := upstream(t, path)
	result := make(chan error, 1)
	go func() {
		_, err := client.Mount(context.Background(), mountRequest())
		result <- err
	}()
	<-in
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	clk.BlockUntil(1)
	clk.Advance(5 * time.Second) // Drain
	clk.BlockUntil(1)
	clk.Advance(time.Second)
	<-stopped
	if err := <-result; status.Code(err) != codes.Unavailable || !strings.Contains(log.String(), "left a mount behind") {
		t.Errorf("got %v; log: %s", err, log.String())
	}
	close(out)
}
