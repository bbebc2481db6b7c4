package podstatus

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

var _ publish.Recorder = (*Recorder)(nil)

func TestAnObjectSaysWhatThePodHasMounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/b@2", "secret/a@1")))
	want := secretsstore.PodStatus{
		Name: "web-1-shop-vault", Namespace: "shop", Node: "node-1",
		Pod: secretsstore.Owner{APIVersion: "v1", Kind: "Pod", Name: "web-1", UID: "u1"},
		Status: secretsstore.MountStatus{
			PodName: "web-1", ClassName: "vault", TargetPath: "/pods/u1/a", Mounted: true,
			Objects: []secretsstore.ObjectVersion{{ID: "secret/a", Version: "1"}, {ID: "secret/b", Version: "2"}},
			Conditions: []secretsstore.Condition{{
				Type: "Fresh", Status: "True", Reason: "Fetched", Message: "the store gave the content when it last was due", LastTransitionTime: w.clock.Now(),
			}},
		},
	}
	if diff := cmp.Diff(want, w.object(webObject)); diff != "" {
		t.Error(diff)
	}
	w.wantWrites(1)
	w.wantNews()
	if w.lists != 1 {
		t.Errorf("listed %d times", w.lists)
	}
}

func TestUnchangedContentIsNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	w.wantWrites(1)
	for range 50 {
		w.clock.Advance(time.Minute)
		w.publish(mounted("secret/a@1"))
	}
	w.wantWrites(0)
	w.publish(rotated(mounted("secret/a@2"), "a", "b"))
	w.wantWrites(1)
	w.wantNews("MountRotationComplete Pod/shop/web-1: class vault: the files were rotated: updated a, b")
	if got := w.object(webObject).Status.Objects[0].Version; got != "2" {
		t.Errorf("version %s", got)
	}
}

// A new driver is no news: nothing is written, and what fails is told no second time.
func TestARestartBeginsWithWhatTheClusterHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	w.clock.Advance(time.Hour)
	w.publish(failed(mounted("secret/a@1"), denied("r1")))
	before := w.object(webObject)
	w.wantNews("MountRotationFailed")
	w.wantWrites(2)

	w.restart()
	w.clock.Advance(time.Minute)
	w.publish(failed(mounted(), denied("r2")))
	w.wantWrites(0)
	w.wantNews()
	if diff := cmp.Diff(before, w.object(webObject)); diff != "" {
		t.Error(diff)
	}
	w.publish(mounted("secret/a@1"))
	w.wantNews("MountRotationRecovered")
	w.wantWrites(1)

	w.restart()
	w.publish(mounted("secret/a@2"))
	w.wantWrites(1)
	w.wantNews()
}

// What upstream's driver wrote has no condition; it gets one, once.
func TestObjectsOfAnotherDriverAreTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	theirs := w.object(webObject)
	theirs.Status.Conditions = nil
	w.objects[webObject] = theirs
	w.wantWrites(1)
	w.restart()
	w.publish(mounted("secret/a@1"))
	w.publish(mounted("secret/a@1"))
	w.wantWrites(1)
	w.wantNews()
}

func TestAnEarlierPodOfTheNameIsNotTakenForThisOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	again := at("/pods/u2/a", mounted("secret/a@1"))
	again.Pod.UID = "u2"
	w.publish(first(again))
	if o := w.object(webObject); o.Pod.UID != "u2" || o.Status.TargetPath != "/pods/u2/a" {
		t.Errorf("%+v", o)
	}
	w.wantWrites(2)
	// The earlier one may linger, and changes nothing any more.
	w.publish(mounted("secret/a@3"))
	w.wantWrites(0)
	w.restart() // nor does its object count for a third
	again = at("/pods/u3/a", again)
	again.Pod.UID = "u3"
	w.publish(again)
	w.wantWrites(1)
}

func TestConditionsChangeOnlyAtTransitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	w.wantWrites(1)
	w.clock.Advance(time.Hour)
	began := w.clock.Now()
	for i := range 20 { // each failure has a request's id of its own
		record := failed(mounted("secret/a@1"), denied(fmt.Sprint("r", i)))
		record.Failing = began
		w.publish(record)
		w.clock.Advance(time.Minute)
	}
	w.wantWrites(1)
	w.wantNews("MountRotationFailed Pod/shop/web-1: class vault: the content could not be refreshed since 2030-01-02T04:04:05Z, and the files stay as they are: secret/a: may not be read (request id r0); to mend: grant it")
	if c := w.fresh(); c.Status != "False" || c.Reason != "Denied" || !c.LastTransitionTime.Equal(began) || !strings.Contains(c.Message, "to mend: grant it") {
		t.Errorf("%+v", c)
	}
	w.publish(failed(mounted("secret/a@1"), fault.New(fault.NotFound, "secret/a", "is gone")))
	w.wantNews("secret/a: is gone")
	if c := w.fresh(); c.Reason != "NotFound" || !c.LastTransitionTime.Equal(began) {
		t.Errorf("another reason is another condition, from the same time: %+v", c)
	}
	w.clock.Advance(time.Minute)
	w.publish(rotated(mounted("secret/a@2"), "a"))
	w.wantNews("MountRotationRecovered", "MountRotationComplete")
	if c := w.fresh(); c.Status != "True" || c.Reason != "Fetched" || !c.LastTransitionTime.Equal(w.clock.Now()) {
		t.Errorf("%+v", c)
	}
}

// The kubelet comes by while the next try is waited for: such a publish is skipped, and has no error to tell of.
func TestWaitingForTheNextTryIsNoNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")), failed(mounted("secret/a@1"), denied("r1")))
	w.wantWrites(1)
	w.wantNews("MountRotationFailed")
	before := w.object(webObject)
	for range 5 {
		waits := mounted("secret/a@1")
		waits.Skipped, waits.Failing = true, w.clock.Now()
		w.clock.Advance(10 * time.Second)
		w.publish(waits)
		w.publish(failed(mounted("secret/a@1"), denied("r2")))
	}
	w.wantWrites(0)
	w.wantNews()
	if diff := cmp.Diff(before, w.object(webObject)); diff != "" {
		t.Error(diff)
	}
}

func TestLastKnownGoodIsToldWithItsAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(stale(mounted("secret/a@1"), 5*time.Minute)))
	w.wantNews("MountContentStale Pod/shop/web-1: class vault: the store could not be asked; the files hold what it gave by 2030-01-02T02:59:05Z, 5m0s ago")
	if c := w.fresh(); c.Status != "False" || c.Reason != "LastKnownGood" {
		t.Errorf("%+v", c)
	}
	w.wantWrites(1)
	w.clock.Advance(time.Minute)
	w.publish(stale(mounted("secret/a@1"), 6*time.Minute))
	w.wantWrites(0)
	w.publish(mounted("secret/a@1"))
	w.wantNews("MountRotationRecovered")
	w.wantWrites(1)
}

// The kubelet makes an event of a failed first mount.
func TestAFailedFirstMountIsNobodysBusinessHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(failed(first(mounted()), denied("r1")))
	w.wantNews()
	w.wantWrites(0)
	w.publish(first(mounted("secret/a@1")))
	w.wantNews()
	w.wantWrites(1)
}

func TestFlappingIsToldAFewTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	for range 50 {
		w.clock.Advance(5 * time.Second)
		w.publish(failed(mounted("secret/a@1"), denied("r")))
		w.clock.Advance(5 * time.Second)
		w.publish(mounted("secret/a@1"))
	}
	if got := len(w.news()); got != maxNews {
		t.Errorf("%d events of flapping", got)
	}
	w.publish(failed(mounted("secret/a@1"), denied("r")))
	w.wantNews()
	w.clock.Advance(newsWindow)
	w.publish(failed(mounted("secret/a@1"), denied("r")))
	w.wantNews("MountRotationFailed") // it still is so
}

// The object of two volumes shows the first of them, however they take turns, and how the worse one fares.
func TestTwoVolumesOfOnePodWithOneClass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := at("/pods/u1/a", mounted("secret/a@1")), at("/pods/u1/b", mounted("secret/a@1"))
	w.publish(first(b), first(a))
	w.wantWrites(1)
	for range 5 {
		w.publish(b)
		w.publish(a)
	}
	w.wantWrites(0)
	if o := w.object(webObject); o.Status.TargetPath != "/pods/u1/a" {
		t.Errorf("shows %s", o.Status.TargetPath)
	}
	w.restart()
	w.publish(b)
	w.publish(a)
	w.wantWrites(0)
	w.publish(failed(b, denied("r")))
	w.publish(a)
	w.wantNews("MountRotationFailed")
	w.wantWrites(1)
	w.publish(failed(a, denied("s")))
	w.publish(b)
	w.publish(a)
	w.wantNews("MountRotationRecovered")
	w.wantWrites(1)
	w.publish(rotated(a, "x"), rotated(b, "x", "y"))
	w.wantNews("updated x, y")
	w.Unpublished(a.Target, nil)
	w.settle()
	w.wantWrites(1)
	if o := w.object(webObject); o.Status.TargetPath != "/pods/u1/b" {
		t.Errorf("shows %s", o.Status.TargetPath)
	}
	w.Forgotten(b.Target)
	if len(w.uses)+len(w.byTarget)+len(w.newest) != 0 {
		t.Errorf("left: %v", w.uses)
	}
}

func TestARefusedWriteIsTriedAgainWhileTheVolumeStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settle()
	w.err = fault.New(fault.Unavailable, "cluster", "down")
	other := at("/pods/u2/a", mounted("secret/a@1"))
	other.Pod = secret.Pod{Namespace: "shop", Name: "web-2", UID: "u2"}
	w.publish(first(mounted("secret/a@1")), first(other))
	for range 9 { // 1 s, 2 s, 4 s, ... 256 s
		w.clock.Advance(mostPause)
		w.settle()
	}
	w.wantWrites(20)
	w.clock.Advance(mostPause - time.Second)
	w.settle()
	w.wantWrites(0)
	w.Unpublished(other.Target, errors.New("busy")) // it stands
	w.Unpublished(other.Target, nil)
	w.clock.Advance(mostPause)
	w.err = nil
	w.settle()
	w.wantWrites(1)
	if got := strings.Count(w.log.String(), "\n"); got != 2 || !strings.Contains(w.log.String(), "all pod statuses are written again") {
		t.Errorf("the log says %s", w.log)
	}
}

// A write that failed may have come about: what the cluster holds is not known then.
func TestAfterAFailedWriteItIsWrittenWhateverWasBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	w.err = fault.New(fault.Unavailable, "cluster", "no answer")
	w.publish(mounted("secret/a@2"))
	w.err = nil
	w.publish(mounted("secret/a@1"))
	w.clock.Advance(firstPause)
	w.settle()
	w.wantWrites(3)
}

func TestUntilTheClusterListsNothingIsWrittenButEventsAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(first(mounted("secret/a@1")))
	w.restart()
	w.wantWrites(1)
	w.err = fault.New(fault.Denied, "cluster", "may not list")
	w.publish(failed(mounted(), denied("r")))
	w.wantNews("MountRotationFailed")
	w.wantWrites(0)
	w.err = nil
	w.clock.Advance(firstPause)
	w.settle()
	w.wantWrites(1)
	w.wantNews()
	if o := w.object(webObject); len(o.Status.Objects) != 1 || o.Status.Conditions[0].Reason != "Denied" {
		t.Errorf("%+v", o)
	}
	if !strings.Contains(w.log.String(), "could not be listed") || !strings.Contains(w.log.String(), "were listed") {
		t.Errorf("the log says %s", w.log)
	}
}

func TestNamesThatAreTooLongCostTheObjectOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := mounted("secret/a@1")
	long.ClassName = strings.Repeat("x", 250)
	w.publish(first(long))
	w.publish(failed(long, denied("r")))
	w.publish(long)
	w.wantWrites(0)
	w.wantNews("MountRotationFailed", "MountRotationRecovered")
	if got := w.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "to mend: shorten the name") {
		t.Errorf("the log says %s", got)
	}

	w.restart(func(c *Config) { c.Node = strings.Repeat("n", 64) })
	lists := w.lists
	w.publish(first(mounted("secret/a@1")))
	w.publish(failed(mounted("secret/a@1"), denied("r")))
	w.wantWrites(0)
	w.wantNews("MountRotationFailed")
	if w.lists != lists {
		t.Error("it listed what it cannot write")
	}
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	endless := strings.Repeat("x", 1<<20)
	record := mounted("secret/a@1")
	record.ClassName = strings.Repeat("c", 230)
	w.publish(first(record))
	w.publish(failed(rotated(record, endless), fault.New(fault.Denied, endless, "no").Mend("remedy"))) // Event checks
	if got := len(w.object("shop/web-1-shop-" + record.ClassName).Status.Conditions[0].Message); got > maxWords+40 {
		t.Errorf("a condition of %d bytes", got)
	}
	if got := w.news(); len(got) != 2 || !strings.HasSuffix(got[0], "to mend: remedy") {
		t.Errorf("%q", got)
	}
}
