package params

import (
	"fmt"
	"time"

	"strongroom/internal/fault"
)

// Bounds of what a class may make us read and say. A thousand objects are twice what anybody was seen to mount; the
// other bounds keep a hostile class from costing more than an honest one.
const (
	maxObjects      = 1000
	maxHistory      = 1000
	maxObjectsText  = 1 << 20   // bytes of the parameter objects, and of all object strings together
	maxObjectText   = 64 << 10  // bytes of one object's string
	maxFieldText    = 8 << 10   // bytes of one field
	maxFields       = 64        // fields of one object, the unknown ones among them
	maxTokensText   = 256 << 10 // bytes of the kubelet's token document
	maxToldProblems = 50
	maxNotes        = 50
)

// Decode reads a volume's parameters. The error holds every problem found (a fault.List, or its only member), each
// with the parameter or field as its subject. All are of kind Invalid but one: a service account token of another
// account or audience than the pod's own is Denied. With an error the Request holds the notes alone.
func Decode(in Input) (Request, error) {
	d := &decoder{in: in}
	d.attrs = d.attributes()
	var r Request
	r.Pod = d.pod()
	r.CloudName, r.CloudFile, r.CloudDir = d.cloud()
	r.Vault = d.vault()
	r.Tenant = d.tenant()
	r.LastKnownGood = d.lastKnownGood()
	r.Identity = d.identity(r.Pod, r.CloudName)
	r.Objects = d.objects()
	if err := d.told().AsError(); err != nil {
		return Request{Notes: d.notes}, err
	}
	r.Notes = d.notes
	return r, nil
}

// decoder gathers problems and notes while the parts of a Request are read one after the other. A part that fails
// leaves its zero value behind and reading goes on.
type decoder struct {
	in       Input
	attrs    map[string]string // by canonical parameter name, trimmed, never empty
	problems fault.List
	notes    []string
}

// problem records one failure and gives it back for a remedy.
func (d *decoder) problem(subject, format string, args ...any) *fault.Error {
	e := fault.New(fault.Invalid, subject, format, args...)
	d.problems = append(d.problems, e)
	return e
}

func (d *decoder) note(format string, args ...any) {
	if len(d.notes) < maxNotes {
		d.notes = append(d.notes, fmt.Sprintf(format, args...))
	}
}

// told is the problems as far as anybody reads them: the text must fit where errors travel.
func (d *decoder) told() fault.List {
	if more := len(d.problems) - maxToldProblems; more > 0 {
		rest := fault.New(fault.Invalid, "", "%d more problems are not listed", more)
		return append(d.problems[:maxToldProblems:maxToldProblems], rest)
	}
	return d.problems
}

// lastKnownGood is the parameter of that name: a duration, 0 when absent.
func (d *decoder) lastKnownGood() time.Duration {
	text := d.attrs[keyLastKnownGood]
	if text == "" {
		return 0
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		d.problem("parameter "+keyLastKnownGood, "is not a duration: %q", fault.Shorten(text)).Mend(`%s: "15m"`, keyLastKnownGood)
		return 0
	}
	return age
}
