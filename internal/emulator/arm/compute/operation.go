package compute

import (
	"maps"
	"net/http"
	"strconv"
	"time"

	"strongroom/internal/emulator/arm/wire"
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
	finish      func() *wire.Failure // what it comes to; called once, by settle
	settled     bool
	failed      *wire.Failure
	shows       bool // the machine is its result; else it has none
}

// begin starts an operation on a machine that is not busy.
func (s *Server) begin(q wire.Request, m *machine, finish func() *wire.Failure) *operation {
	op := &operation{id: wire.NewID(), machine: m, began: q.Now, ends: q.Now.Add(s.config.UpdateTime), finish: finish}
	m.last = op
	s.operations = append(s.operations, op)
	if len(s.operations) > keptOperations {
		s.operations = s.operations[len(s.operations)-keptOperations:]
	}
	return op
}

// conflict refuses a second operation on a machine.
func (m *machine) conflict() *wire.Answer {
	if !m.busy() {
		return nil
	}
	return wire.Refuse(http.StatusConflict, "OperationNotAllowed",
		"Another operation on '%s' is in progress. Please wait until it has ended.", m.Name)
}

// answers completes the answer to what began the operation, which was made while it ran: a client is to see a machine
// that is being updated and poll, as it would in Azure, even if without an update time the operation has ended now.
func (op *operation) answers(q wire.Request, a *wire.Answer) *wire.Answer {
	op.machine.settle(q.Now)
	if a.Header == nil {
		a.Header = map[string]string{}
	}
	maps.Copy(a.Header, op.headers(q))
	return a
}

// headers say where the operation can be asked about, as absolute URLs of the name the client used: Go's poller takes
// nothing else. How long to wait is told only while it runs, since clients wait before their first poll if told to.
func (op *operation) headers(q wire.Request) map[string]string {
	base := "https://" + q.Host + "/subscriptions/" + op.machine.Subscription + "/providers/Microsoft.Compute/locations/" + wire.Region +
		"/operations/" + op.id + "?api-version=" + q.Version
	h := map[string]string{"Azure-AsyncOperation": base, "Location": base + "&monitor=true"}
	op.waiting(h, q.Now)
	return h
}

func (op *operation) waiting(h map[string]string, now time.Time) {
	if left := op.ends.Sub(now); !op.settled && left > 0 {
		h["Retry-After"] = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	}
}

// operationStatus answers both forms of polling: the status as a document, and the monitor, whose HTTP status tells.
func (s *Server) operationStatus(q wire.Request, id string) *wire.Answer {
	for _, op := range s.operations {
		if op.id != id {
			continue
		}
		if no := s.config.Rights.Authorize(q.Caller, op.machine.kind()+"/read", op.machine.ID()); no != nil {
			return no
		}
		op.machine.settle(q.Now)
		if q.Query.Get("monitor") == "true" {
			return op.monitor(q)
		}
		return op.document(q.Now)
	}
	return wire.NotFound("NotFound", "The entity was not found: no operation '%s'.", id)
}

func (op *operation) document(now time.Time) *wire.Answer {
	status := map[string]any{"name": op.id, "startTime": op.began.UTC().Format(time.RFC3339Nano), "status": inProgress}
	if op.settled {
		status["status"], status["endTime"] = succeeded, op.ends.UTC().Format(time.RFC3339Nano)
	}
	if op.failed != nil {
		status["status"], status["error"] = failed, op.failed
	}
	a := &wire.Answer{Status: http.StatusOK, Header: map[string]string{}, Body: status}
	op.waiting(a.Header, now)
	return a
}

func (op *operation) monitor(q wire.Request) *wire.Answer {
	switch {
	case !op.settled:
		return &wire.Answer{Status: http.StatusAccepted, Header: op.headers(q)}
	case op.failed != nil:
		return wire.Refuse(http.StatusConflict, op.failed.Code, "%s", op.failed.Message)
	case op.shows:
		return &wire.Answer{Status: http.StatusOK, Body: op.machine.document()}
	}
	return &wire.Answer{Status: http.StatusOK}
}
