package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/e2e/azure"
)

const (
	// roundTrip is how long Azure lets every request wait.
	roundTrip = 20 * time.Millisecond
	secretsOf = 10 // secrets of each class
	burst     = 60 // pods that are created at once
	inTurns   = 20 // pods of each kind that are created one after the other
	neighbour = "turning"
	// quiet is how long nothing changes.
	quiet = 200 * time.Second
)

// What is promised, of the bench below: numbers of requests and of writes. Times and memory are told beside what is
// aimed at, and fail nothing: they are the machine's as much as ours.
const (
	mostBurstCalls = 52
	mostQuietCalls = 2 * secretsOf
)

// TestWhatItCosts measures on a node what docs/performance.md tells, and prints its table. It has the node to itself.
// Promised: sharing makes a burst of pods cost next to nothing, and where nothing changes nothing is written, neither
// under a target nor in the API, and each secret is asked for once per interval.
func TestWhatItCosts(t *testing.T) {
	longForm(t)
	InstallAlone(t, "rotationPollInterval: 2m\nlogFormatJSON: true")
	b := &bench{t: t, ns: Namespace(t)}
	Azure().Break(t, azure.Fault{Service: "entra", Latency: roundTrip})
	b.row("resident after installation, MiB", "", b.memory())

	alone := b.class("alone", "")
	b.startOneByOne(alone)
	b.quickTurn()
	b.removeAll()
	b.startAtOnce()
	b.nothingChanges()
	b.table.print(t)
}

// startOneByOne tells the time to Ready of a pod with the volume beside that of one with an empty directory, in turns.
func (b *bench) startOneByOne(class string) {
	Run(b.t, Pod(b.ns, "first", Mounting(class), Labelled("bench", "alone"))) // connections and token are there from now on
	var with, without []time.Duration
	for i := range inTurns {
		with = append(with, b.ready(Pod(b.ns, fmt.Sprintf("with-%d", i), Mounting(class), Labelled("bench", "alone"))))
		without = append(without, b.ready(Pod(b.ns, fmt.Sprintf("without-%d", i), emptyDir, Labelled("bench", "alone"))))
	}
	b.row("pod Ready, median of 20 (middle half), in turns", "as an emptyDir", fmt.Sprintf("%s, emptyDir %s", spread(with), spread(without)))
	var took, asked []time.Duration
	for _, m := range b.mounts() {
		if strings.HasPrefix(m.pod, "with-") {
			took, asked = append(took, m.took), append(asked, m.asked)
		}
	}
	b.row("NodePublish that asks the vault, p50 / p99 round trips", "1", trips(took))
	b.row("... of that in the provider", "1", trips(asked))
}

// quickTurn tells how long a changed secret takes to be in every file where the class asks for 5 s, thrice.
func (b *bench) quickTurn() {
	class := b.class("quick", "5s")
	pods := b.start(class, "quick", 5)
	var worst time.Duration
	for range 3 {
		value, since := b.set(class)
		worst = max(worst, b.arrived(class, value, since, pods))
	}
	b.row("a change in every file, interval 5 s, slowest of 3", "7 s", seconds(worst))
}

// startAtOnce tells what many pods of one identity cost that nobody has mounted for before.
func (b *bench) startAtOnce() {
	empty := b.allReady("empty", emptyDir)
	b.removeAll()
	class := b.class("burst", "")
	before := Azure().Mark(b.t)
	full := b.allReady("burst", Mounting(class))
	calls := asking(before.Since(b.t))
	b.row("60 pods at once: all Ready", "as emptyDir", fmt.Sprintf("%s, emptyDir %s", seconds(full), seconds(empty)))
	b.row("60 pods at once: calls", fmt.Sprint("<= ", mostBurstCalls), fmt.Sprint(calls))
	if calls > mostBurstCalls {
		b.t.Errorf("%d calls for a burst", calls)
	}
	var took []time.Duration
	var perPod []int
	for _, m := range b.mounts() {
		if !strings.HasPrefix(m.pod, "burst-") {
			continue
		}
		perPod = append(perPod, m.calls)
		if m.calls == 0 {
			took = append(took, m.took)
		}
	}
	b.row("60 pods at once: calls of the median pod's mount", "0", fmt.Sprint(median(perPod)))
	if len(perPod) != burst || median(perPod) != 0 {
		b.t.Errorf("the median of %d pods asks %d times", len(perPod), median(perPod))
	}
	b.row("NodePublish that shares, p50 / p99 round trips", "0", trips(took))
}

// nothingChanges looks on while nothing changes for the pods of the burst. Some neighbours of another class have their
// secrets changed meanwhile; they are counted apart.
func (b *bench) nothingChanges() {
	turning := b.class(neighbour, "")
	neighbours := b.start(turning, neighbour, 5)
	b.statuses(burst + len(neighbours))
	b.row("resident after 60 pods at once, MiB: driver, provider, together (PSS)", "< 60", b.memory())

	targets := b.snapshot("bench=burst")
	value, began := b.set(turning)
	before, writes := Azure().Mark(b.t), MarkWrites(b.t)
	turned := b.arrived(turning, value, began, neighbours)
	rest(b.t, quiet-time.Since(began))
	vault := b.vaults["burst"]
	calls := len(before.Since(b.t, azure.To(vault))) + len(before.Since(b.t, azure.Kind("token")))
	ours, renewals := b.writes(writes)
	touched := differing(targets, b.snapshot("bench=burst"))

	b.row("200 s unchanged, 60 pods: calls", fmt.Sprint(mostQuietCalls), fmt.Sprint(calls))
	b.row("200 s unchanged, 60 pods: API writes (lease renewals)", "0", fmt.Sprintf("%d (%d)", len(ours), renewals))
	b.row("200 s unchanged, 60 pods: changes under targets", "0", fmt.Sprint(len(touched)))
	b.row("a change in every file, interval 2 min", "122 s", seconds(turned))
	b.row("resident at the end, MiB: driver, provider, together (PSS)", "< 60", b.memory())
	if calls > mostQuietCalls {
		b.t.Errorf("%d calls though nothing has changed", calls)
	}
	if len(ours) > 0 {
		b.t.Errorf("written though nothing has changed: %v", ours)
	}
	if len(touched) > 0 {
		b.t.Errorf("touched though nothing has changed: %q", touched)
	}
}

// rest waits: nothing announces that nothing happens.
func rest(t testing.TB, d time.Duration) {
	t.Helper()
	<-Within(t, d).Done()
	if err := context.Cause(cluster.Context()); err != nil {
		t.Fatal(err)
	}
}
