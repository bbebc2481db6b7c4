package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/provider"
)

// scenario is one row of the table.
type scenario struct {
	name       string
	pods       int
	objects    int
	identities int  // ServiceAccounts the pods are spread over
	warm       bool // token and connection there, answers not
	floorCalls int
	floorTrips float64
}

var cases = []scenario{
	{"cold mount of 1 object", 1, 1, 1, false, 2, 2},
	{"cold mount of 10 objects", 1, 10, 1, false, 11, 2},
	{"cold mount of 50 objects", 1, 50, 1, false, 51, 2},
	{"warm mount of 1 object", 1, 1, 1, true, 1, 1},
	{"warm mount of 10 objects", 1, 10, 1, true, 10, 1},
	{"warm mount of 50 objects", 1, 50, 1, true, 50, 1},
	{"100 pods x 10 objects at once, 1 identity", 100, 10, 1, false, 11, 2},
	{"100 pods x 10 objects at once, 20 identities", 100, 10, 20, false, 220, 2},
}

// runs is how often each case is measured, on a fresh process each time; the table shows medians.
const runs = 5

// figures are what one run of a case cost.
type figures struct {
	calls          int
	took           time.Duration
	resident, peak float64 // MiB, of the provider process
}

// measure runs the case and prints its row.
func (s scenario) measure(ctx context.Context, azure *azure, binary, dir string) error {
	var all []figures
	for range runs {
		f, err := s.once(ctx, azure, binary, dir)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	trips := float64(median(all, func(f figures) time.Duration { return f.took })) / float64(latency)
	fmt.Printf("%-44s %8d %8d %12.2f %12.0f   %5.1f %5.1f\n", s.name, median(all, func(f figures) int { return f.calls }), s.floorCalls, trips, s.floorTrips,
		median(all, func(f figures) float64 { return f.resident }), median(all, func(f figures) float64 { return f.peak }))
	return nil
}

// once runs the case on a provider process of its own.
func (s scenario) once(ctx context.Context, azure *azure, binary, dir string) (f figures, err error) {
	p, err := start(ctx, azure, binary, dir)
	if err != nil {
		return f, err
	}
	defer p.stop()
	if err := p.connect(ctx, azure); err != nil { // connections open: the table counts round trips after connect
		return f, err
	}
	if s.warm { // a provider that has mounted before: code and data are in memory, token and connections are there
		for range runs {
			if err := s.mountAll(ctx, azure, p, &figures{}); err != nil {
				return f, err
			}
		}
	}
	azure.emulator.ResetRequests()
	if err := s.mountAll(ctx, azure, p, &f); err != nil {
		return f, err
	}
	f.calls = len(azure.emulator.Requests())
	if f.resident, err = p.memory("VmRSS"); err == nil {
		f.peak, err = p.memory("VmHWM")
	}
	return f, err
}

// mountAll mounts every pod of the case at once and notes how long that took. The kubelet's part, which is to have the
// pods' tokens made, comes before.
func (s scenario) mountAll(ctx context.Context, azure *azure, p *process, f *figures) error {
	requests := make([]provider.Request, s.pods)
	for i := range requests {
		var err error
		if requests[i], err = azure.request(i%s.identities, s.objects); err != nil {
			return err
		}
	}
	seen := time.Now()
	var group errgroup.Group
	for _, request := range requests {
		request.Freshness = provider.Freshness{NotBefore: seen}
		group.Go(func() error {
			response, err := p.provider.Mount(ctx, request)
			if err == nil && len(response.Files) != s.objects {
				return fmt.Errorf("%d files instead of %d", len(response.Files), s.objects)
			}
			return err
		})
	}
	err := group.Wait()
	f.took = time.Since(seen)
	return err
}
