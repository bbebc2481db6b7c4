package mic

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// The conditions.
const (
	// ConditionAccepted on an AzureIdentity says whether it can be used as it is written.
	ConditionAccepted = secretsstore.ConditionAccepted
	// ConditionAttached on an AzureIdentity says whether all machines have it that need it.
	ConditionAttached = "Attached"
	// ConditionPod on a pod says what it waits for. It is written only once it has waited for two seconds.
	ConditionPod = aadpodidentity.Group + "/Assigned"
)

// longWait is when somebody who waits is told why.
const longWait = 2 * time.Second

// atOnceTold is how many statuses are written at a time.
const atOnceTold = 5

// tellKey is whose status is written.
type tellKey struct{ kind, namespace, name, uid string }

// telling is what is written.
type telling struct {
	conditions []secretsstore.Condition
	last       bool // nothing more will be told of it
}

// told is what people have been told, so that nobody is told twice.
type told struct {
	written map[tellKey][]secretsstore.Condition
	waits   map[tellKey]time.Time // who waits, since when
	news    map[string]bool       // problems there are events of
	pending int
	next    time.Time // when somebody will have waited for long
	began   bool
}

func newTold() told {
	return told{written: map[tellKey][]secretsstore.Condition{}, waits: map[tellKey]time.Time{}, news: map[string]bool{}}
}

func (t *told) due() time.Time { return t.next }

func (m *MIC) newTells() *jobs[tellKey, telling] {
	j := newJobs[tellKey, telling](atOnceTold, m.Clock)
	j.spawn, j.do, j.failed, j.changed = m.spawn, m.tell, m.untold, m.Changed
	return j
}

// tell writes one status. An object that has gone needs none.
func (m *MIC) tell(ctx context.Context, key tellKey, t telling) error {
	var err error
	if key.kind == kindIdentity {
		err = m.Statuses.WriteIdentityStatus(ctx, key.namespace, key.name, t.conditions)
	} else {
		err = m.Statuses.WritePodCondition(ctx, key.namespace, key.name, key.uid, t.conditions[0])
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.last {
		delete(m.told.written, key)
		return nil
	}
	m.told.written[key] = t.conditions
	return nil
}

func (m *MIC) untold(key tellKey, _ telling, times int, err error) {
	level := slog.LevelDebug
	if times == 1 {
		level = slog.LevelWarn
	}
	m.Log.Log(context.Background(), level, "status not written; tried again", "object", key.kind+" "+at(key.namespace, key.name), "times", times, logkey.Error, fault.Explain(err))
}

// teller gathers what is to be told after a pass.
type teller struct {
	*told
	now    time.Time
	events Events
	list   []job[tellKey, telling]
	news   map[string]bool
	waits  map[tellKey]time.Time
	next   time.Time
}

// once tells by an event of what was not so at the last pass.
func (t *teller) once(a About, err error) {
	text := fault.Explain(err)
	key := fmt.Sprint(a, fault.KindOf(err), fault.Remedies(err)) // the text may have the id of a request
	if !t.told.news[key] && !t.news[key] {
		t.events.Event(a, true, applyError, text)
	}
	t.news[key] = true
}

// waited reports whether somebody has waited long enough to be told.
func (t *teller) waited(key tellKey) bool {
	since, before := t.told.waits[key]
	if !before {
		since = t.now
	}
	t.waits[key] = since
	if over := since.Add(longWait); t.now.Before(over) {
		t.next = earliest(t.next, over)
		return false
	}
	return true
}

// complaint is what there is to tell of a machine now.
func (t *teller) complaint(r *resource) error {
	again, err := r.complaint(t.now)
	t.next = earliest(t.next, again)
	return err
}

// shown takes an identity's conditions, as its object has them, for what was written last: a predecessor has written them.
func (t *teller) shown(i *aadpodidentity.Identity) {
	key := identityKey(i)
	if t.written[key] != nil || len(i.Conditions) == 0 {
		return
	}
	before := make([]secretsstore.Condition, len(i.Conditions))
	for n, c := range i.Conditions {
		before[n] = secretsstore.Condition{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: c.LastTransitionTime}
	}
	t.written[key] = before
}

// want has conditions written where they are not what was written last. A condition keeps its time while its status is
// the same.
func (t *teller) want(key tellKey, last bool, conditions ...secretsstore.Condition) {
	before := t.written[key]
	for i := range conditions {
		c := &conditions[i]
		c.LastTransitionTime = t.now.UTC().Truncate(time.Second)
		for _, b := range before {
			if b.Type == c.Type && b.Status == c.Status {
				c.LastTransitionTime = b.LastTransitionTime
			}
		}
	}
	if !slices.Equal(before, conditions) {
		t.list = append(t.list, job[tellKey, telling]{key, telling{conditions, last}})
	}
}

// bounded makes of a message one line that is not too long.
func bounded(c secretsstore.Condition) secretsstore.Condition {
	c.Message = fault.Bound(strings.Join(strings.Fields(c.Message), " "), 900)
	return c
}

func condition(kind string, err error, yes, no, message string) secretsstore.Condition {
	if err == nil {
		return secretsstore.Condition{Type: kind, Status: secretsstore.True, Reason: yes, Message: message}
	}
	return secretsstore.Condition{Type: kind, Status: secretsstore.False, Reason: no, Message: fault.Explain(err)}
}
