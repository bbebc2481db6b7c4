package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
	"strongroom/internal/telemetry"
)

func newTestRecorder() (*recorder, *clock.Fake, *bytes.Buffer) {
	var log bytes.Buffer
	now := clock.NewFake()
	return newRecorder(slog.New(slog.NewTextHandler(&log, nil)), telemetry.NewMetrics("test"), now), now, &log
}

// The age of what is served grows while nothing happens, and most of all when nothing happens any more.
func TestTheOldestAgeGrowsUntilContentIsFetchedOrGone(t *testing.T) {
	t.Parallel()
	r, now, _ := newTestRecorder()
	if r.oldest() != 0 {
		t.Errorf("age %s of nothing", r.oldest())
	}
	r.Published(publish.Record{Target: "/a", First: true, Provider: "azure", At: now.Now()})
	now.Advance(time.Minute)
	r.Published(publish.Record{Target: "/b", First: true, Provider: "azure", At: now.Now(), Age: time.Second})
	now.Advance(time.Minute)
	if r.oldest() != 2*time.Minute {
		t.Errorf("age %s, want that of /a", r.oldest())
	}
	r.Published(publish.Record{Target: "/a", Provider: "azure", At: now.Now()})
	if r.oldest() != time.Minute+time.Second {
		t.Errorf("age %s, want that of /b", r.oldest())
	}
	r.Unpublished("/b", nil)
	if r.oldest() != 0 {
		t.Errorf("age %s, want that of /a again", r.oldest())
	}
}

// Content that an earlier process mounted is of unknown age; it is at least as old as its refreshing has failed.
func TestUnknownAgeIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	r, now, _ := newTestRecorder()
	since := now.Now()
	now.Advance(time.Hour)
	r.Published(publish.Record{Target: "/a", Provider: "azure", At: now.Now(), Failing: since, Err: errors.New("down")})
	if r.oldest() != time.Hour {
		t.Errorf("age %s, want at least that of the failing", r.oldest())
	}
}

func TestOnlyTransitionsAreLogged(t *testing.T) {
	t.Parallel()
	r, now, log := newTestRecorder()
	stale := publish.Record{Target: "/a", Provider: "azure", At: now.Now(), Age: time.Minute,
		Report: provider.Report{Objects: []provider.Outcome{{Object: "secret/a", State: provider.Stale}}}}
	fresh := publish.Record{Target: "/a", Provider: "azure", At: now.Now()}
	failing := publish.Record{Target: "/a", Provider: "azure", At: now.Now(), Failing: now.Now(), Err: errors.New("down")}
	still := failing
	still.Failing = now.Now().Add(-time.Second)
	for _, record := range []publish.Record{fresh, stale, stale, fresh, fresh, failing, still} {
		r.Published(record)
	}
	var said []string
	for line := range strings.Lines(log.String()) {
		_, rest, _ := strings.Cut(line, `msg="`)
		text, _, _ := strings.Cut(rest, `"`)
		said = append(said, text)
	}
	want := "the store cannot be asked; mounted content is the last known good | mounted content is fresh again | mounted content could not be refreshed; the files stay as they are"
	if strings.Join(said, " | ") != want {
		t.Errorf("said %q", said)
	}
}

func TestErrorTypesAreTheWordsOfDashboards(t *testing.T) {
	t.Parallel()
	for stage, want := range map[publish.Stage]string{
		publish.LookingAtIt:  telemetry.FailedToEnsureMountPoint,
		publish.FindingClass: telemetry.SecretProviderClassMissing,
		publish.MakingTarget: telemetry.FailedToMount,
		publish.Fetching:     telemetry.GRPCProviderError,
		publish.WritingFiles: telemetry.FileWriteError,
	} {
		if got := errorType(stage); got != want {
			t.Errorf("%s: %s, want %s", stage, got, want)
		}
	}
}
