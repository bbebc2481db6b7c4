package stress

import (
	"fmt"
	"strings"
	"time"
)

// Report is the outcome of a storm.
type Report struct {
	Config  Config
	Rows    []Row
	Traffic []traffic
	Ages    []time.Duration
}

// Row is the outcome of a phase.
type Row struct {
	Phase     Phase
	From, To  time.Duration
	Traffic   traffic
	Mounts    int
	Failed    int // pods that are not mounted at the end
	Late      int
	Slowest   time.Duration
	Oldest    time.Duration
	Heap, RSS uint64
	Took      time.Duration // of the machine's time
	Wrong     []string
}

// judge adds to what is wrong what the numbers say.
func (r *Row) judge(c Config) {
	floor, wrong := r.Phase.floor(c), func(format string, args ...any) {
		r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...))
	}
	if r.Failed > 0 {
		wrong("%d pods are not mounted at the end", r.Failed)
	}
	if r.Late > 0 {
		wrong("%d mounts came later than %s", r.Late, lateAfter)
	}
	if most := r.Phase.allowed(c); r.Oldest > most {
		wrong("content grew %s old, %s is allowed", r.Oldest.Round(time.Second), most)
	}
	if most := factor * float64(floor.Reads); float64(r.Traffic.Reads) > most {
		wrong("%d reads, %.0f are allowed", r.Traffic.Reads, most)
	}
	if most := factor * float64(floor.Tokens); float64(r.Traffic.Tokens) > most {
		wrong("%d token requests, %.0f are allowed", r.Traffic.Tokens, most)
	}
}

// Wrong is what was not as promised, each with its phase.
func (r Report) Wrong() (list []string) {
	for _, row := range r.Rows {
		for _, what := range row.Wrong {
			list = append(list, fmt.Sprintf("phase %q: %s", row.Phase.Name, what))
		}
	}
	return list
}

// Table is the report as a table of Markdown.
func (r Report) Table() string {
	var b strings.Builder
	b.WriteString(heading)
	for _, row := range r.Rows {
		b.WriteString(row.line(r.Config))
	}
	return b.String()
}

const heading = "| phase | reads: floor | of them 429 | broken | tokens: floor | mounts | failed for good | late | slowest | oldest served | heap, RSS per node |\n" +
	"|---|---|---|---|---|---|---|---|---|---|---|\n"

func (r Row) line(c Config) string {
	floor := r.Phase.floor(c)
	return fmt.Sprintf("| %s | %s: %s | %s | %s | %s: %s | %s | %d | %d | %s | %s | %.1f, %.1f MiB |\n",
		r.Phase.Name, thousands(r.Traffic.Reads), thousands(floor.Reads), thousands(r.Traffic.Throttled), thousands(r.Traffic.Broken),
		thousands(r.Traffic.Tokens), thousands(floor.Tokens), thousands(r.Mounts), r.Failed, r.Late, spell(r.Slowest), spell(r.Oldest),
		perNode(r.Heap, c), perNode(r.RSS, c))
}

func perNode(bytes uint64, c Config) float64 { return float64(bytes) / (1 << 20) / float64(c.Nodes) }
