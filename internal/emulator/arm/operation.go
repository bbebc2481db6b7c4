package arm

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// keptOperations is how many can be asked about: more than one test makes, and no more than memory should hold.
const keptOperations = 1024

// The words of an operation's status. There is no Canceled: nobody can cancel one here.
const (
	inProgress = "InProgress"
	succeeded  = "Succeeded"
	failed     = "Failed"
)

// operation is an update under way, or one that has ended.
type operation struct {
	id          string
	machine     *machine
	began, ends time.Time
	finish      func() *failure // what it comes to; called once, by settle
	settled     bool
	failed      *failure
	shows       bool // the machine is its result; else it has none
}

// begin starts an operation on a machine that is not busy.
func (s *Server) begin(q request, m *machine, finish func() *failure) *operation {
	op := &operation{id: newID(), machine: m, began: q.now, ends: q.now.Add(s.config.UpdateTime), finish: finish}
	m.last = op
	s.operations = append(s.operations, op)
	if len(s.operations) > keptOperations {
		s.operations = s.operations[len(s.operations)-keptOperations:]
	}
	return op
}

// conflict refuses a second operation on a machine.
func (m *machine) conflict() *answer {
	if !m.busy() {
		return nil
	}
	return refuse(http.StatusConflict, "OperationNotAllowed",
		"Another operation on '%s' is in progress. Please wait until it has ended.", m.Name)
}

// answers completes the answer to what began the operation, which was made while it ran: a client is to see a machine
// that is being updated and poll, as it would in Azure, even if without an update time the operation has ended now.
func (op *operation) answers(q request, a *answer) *answer {
	op.machine.settle(q.now)
	if a.header == nil {
		a.header = map[string]string{}
	}
	maps.Copy(a.header, op.headers(q))
	return a
}

// headers say where the operation can be asked about, as absolute URLs of the name the client used: Go's poller takes
// nothing else. How long to wait is told only while it runs, since clients wait before their first poll if told to.
func (op *operation) headers(q request) map[string]string {
	base := "https://" + q.host + "/subscriptions/" + op.machine.Subscription + "/providers/Microsoft.Compute/locations/" + region +
		"/operations/" + op.id + "?api-version=" + q.version
	h := map[string]string{"Azure-AsyncOperation": base, "Location": base + "&monitor=true"}
	op.waiting(h, q.now)
	return h
}

func (op *operation) waiting(h map[string]string, now time.Time) {
	if left := op.ends.Sub(now); !op.settled && left > 0 {
		h["Retry-After"] = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	}
}

// operationStatus answers both forms of polling: the status as a document, and the monitor, whose HTTP status tells.
func (s *Server) operationStatus(q request) *answer {
	for _, op := range s.operations {
		if op.id != q.place.operation {
			continue
		}
		if no := s.authorize(q.caller, "Microsoft.Compute/"+string(op.machine.Kind)+"/read", op.machine.ID()); no != nil {
			return no
		}
		op.machine.settle(q.now)
		if q.query.Get("monitor") == "true" {
			return op.monitor(q)
		}
		return op.document(q.now)
	}
	return notFound("NotFound", "The entity was not found: no operation '%s'.", q.place.operation)
}

func (op *operation) document(now time.Time) *answer {
	status := map[string]any{"name": op.id, "startTime": op.began.UTC().Format(time.RFC3339Nano), "status": inProgress}
	if op.settled {
		status["status"], status["endTime"] = succeeded, op.ends.UTC().Format(time.RFC3339Nano)
	}
	if op.failed != nil {
		status["status"], status["error"] = failed, op.failed
	}
	a := &answer{status: http.StatusOK, header: map[string]string{}, body: status}
	op.waiting(a.header, now)
	return a
}

func (op *operation) monitor(q request) *answer {
	switch {
	case !op.settled:
		return &answer{status: http.StatusAccepted, header: op.headers(q)}
	case op.failed != nil:
		return refuse(http.StatusConflict, op.failed.Code, "%s", op.failed.Message)
	case op.shows:
		return &answer{status: http.StatusOK, body: op.machine.document()}
	}
	return &answer{status: http.StatusOK}
}
