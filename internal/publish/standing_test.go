package publish_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/provider"
	"strongroom/internal/publish"
)

func TestStandingsTellTransitionsFromRepetitions(t *testing.T) {
	t.Parallel()
	old := provider.Report{Objects: []provider.Outcome{{State: provider.Fresh}, {State: provider.Stale}}}
	records := map[string]publish.Record{
		"first":   {First: true},
		"good":    {},
		"skipped": {Skipped: true},
		"waiting": {Skipped: true, Failing: time.Unix(1, 0)}, // for its next try
		"stale":   {Report: old},
		"bad":     {Err: errors.New("down")},
		"no":      {First: true, Err: errors.New("down")},
	}
	for sequence, want := range map[string]string{
		"first good skipped":                 "fresh fresh fresh",
		"good bad bad good":                  "fresh unrefreshed unrefreshed fresh",
		"good stale skipped bad skipped":     "fresh stale stale unrefreshed stale",
		"stale bad good bad skipped":         "stale unrefreshed fresh unrefreshed fresh",
		"bad skipped":                        "unrefreshed fresh",
		"bad waiting good":                   "unrefreshed unrefreshed fresh",
		"stale no good":                      "stale - fresh",
		"no first":                           "- fresh",
		"stale forget skipped bad forget no": "stale - fresh unrefreshed - -",
	} {
		var standings publish.Standings
		var got []string
		before := publish.Unknown
		for step := range strings.FieldsSeq(sequence) {
			if step == "forget" {
				standings.Forget("/a")
				before = publish.Unknown
				got = append(got, "-")
				continue
			}
			record := records[step]
			record.Target = "/a"
			was, is := standings.Note(record)
			if was != before {
				t.Errorf("%s: before %s it was %q, want %q", sequence, step, was, before)
			}
			before = is
			got = append(got, fmt.Sprintf("%.11s", string(is)+strings.Repeat("-", max(0, 1-len(is)))))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", sequence, got, want)
		}
	}
}

// heard writes down what it is told.
type heard struct {
	name  string
	notes *[]string
}

func (h heard) Published(record publish.Record) {
	*h.notes = append(*h.notes, h.name+" published "+record.Target)
}
func (h heard) Unpublished(target string, err error) {
	*h.notes = append(*h.notes, fmt.Sprint(h.name, " unpublished ", target, " ", err))
}
func (h heard) Forgotten(target string) { *h.notes = append(*h.notes, h.name+" forgot "+target) }

func TestRecordersAreAllToldTheSame(t *testing.T) {
	t.Parallel()
	var notes []string
	all := publish.Recorders{heard{"a", &notes}, heard{"b", &notes}}
	all.Published(publish.Record{Target: "/x"})
	all.Unpublished("/x", nil)
	all.Forgotten("/y")
	want := "a published /x|b published /x|a unpublished /x <nil>|b unpublished /x <nil>|a forgot /y|b forgot /y"
	if got := strings.Join(notes, "|"); got != want {
		t.Errorf("%s", got)
	}
}
