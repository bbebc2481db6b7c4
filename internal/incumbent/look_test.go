package incumbent_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
)

// An add-on that is removed takes the object along, hours after this driver started.
func TestTheObjectIsLookedAtAgainAndEachFindingToldOnce(t *testing.T) {
	t.Parallel()
	fine := incumbent.Object{Labels: map[string]string{"app.kubernetes.io/part-of": "strongroom"}, Republish: true}
	addOn := incumbent.Object{Labels: map[string]string{"addonmanager.kubernetes.io/mode": "Reconcile"}, Republish: true}
	release := incumbent.Object{Annotations: map[string]string{"meta.helm.sh/release-name": "csi", "meta.helm.sh/release-namespace": "kube-system"}, Republish: true}
	gone := fault.New(fault.NotFound, "csidrivers", "not there")
	now := clock.NewFake()
	reads := make(chan func() (incumbent.Object, error))
	var log bytes.Buffer
	look := incumbent.Look{
		Read: func(ctx context.Context) (incumbent.Object, error) {
			select {
			case read := <-reads:
				return read()
			case <-ctx.Done():
				return incumbent.Object{}, ctx.Err()
			}
		},
		Clock: now, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- look.Run(ctx) }()
	for i, step := range []struct {
		object incumbent.Object
		err    error
		says   string // empty: nothing
	}{
		{addOn, nil, "level=ERROR msg=\"another installation owns the CSIDriver object\""},
		{addOn, nil, ""},
		{release, nil, "helm uninstall csi -n kube-system"},
		{incumbent.Object{}, gone, "level=ERROR msg=\"the CSIDriver object is gone\""},
		{incumbent.Object{}, gone, ""},
		{incumbent.Object{}, fault.New(fault.Unavailable, "api server", "no answer"), "level=WARN msg=\"the CSIDriver object cannot be read\""},
		{incumbent.Object{}, nil, "does not have requiresRepublish"},
		{fine, nil, "the CSIDriver object is in order again"},
		{fine, nil, ""},
	} {
		reads <- func() (incumbent.Object, error) { return step.object, step.err }
		now.BlockUntil(1) // it has said what it has to say, and sleeps
		said := log.String()
		log.Reset()
		if (step.says == "") != (said == "") || !strings.Contains(said, step.says) || strings.Count(said, "\n") > 1 {
			t.Errorf("look %d: %s, want %q", i+1, said, step.says)
		}
		now.Advance(5 * time.Minute)
	}
	stop()
	if err := <-ended; err != nil || log.Len() != 0 {
		t.Errorf("%v, %s", err, log.String())
	}
}
