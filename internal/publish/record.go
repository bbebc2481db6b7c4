package publish

import (
	"time"

	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// Stage is a step of a publish, in order.
type Stage string

// The stages. A failed publish failed in its Record's stage.
const (
	LookingAtIt   Stage = "inspect" // at the target, before anything else
	FindingClass  Stage = "class"
	MakingTarget  Stage = "target"
	Fetching      Stage = "fetch"
	WritingFiles  Stage = "write"
	NothingFailed Stage = "done"
)

// Record is one publish, told to the Recorder. It holds no values.
type Record struct {
	Volume    string
	Target    string
	Pod       secret.Pod
	ClassName string // of a class in the pod's namespace
	Provider  string // empty when the class was not found
	At        time.Time
	Took      time.Duration
	Timed     bool // the timer's own, where no kubelet is answered; never First

	Stage   Stage // how far it got
	First   bool  // nothing complete was mounted before
	Skipped bool  // nothing was due, or what is due waits for its next try (then Failing says since when it fails)
	Report  provider.Report
	Change  volume.Change
	Backing string // what stands under the target, as volume.State says; empty when that is not known

	Versions        []secret.Version // what is mounted now, in the class's order; nil while this process does not know
	VersionsChanged bool             // this publish brought others than were known before; true of a first mount

	Err       error         // what failed, also when the kubelet was answered with success
	Failing   time.Time     // since when, zero when it works
	Recovered bool          // it failed before and works again
	Age       time.Duration // of what is served now, at least that when it was not fetched since the start; meaningless when First and Err
}
