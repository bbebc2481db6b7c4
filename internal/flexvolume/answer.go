package flexvolume

import (
	"encoding/json"
	"io"

	"strongroom/internal/fault"
)

// Answer is what the kubelet reads: one JSON object, from standard output and standard error together.
type Answer struct {
	Status       string        `json:"status"`
	Message      string        `json:"message,omitempty"`
	Capabilities *Capabilities `json:"capabilities,omitempty"` // of init alone
}

// Capabilities is what the kubelet need not do. What is not said here, it takes for granted.
type Capabilities struct {
	Attach  bool `json:"attach"`
	FSGroup bool `json:"fsGroup"`
}

// The statuses of an Answer.
const (
	Success      = "Success"
	Failure      = "Failure"
	NotSupported = "Not supported"
)

// maxMessage leaves room for what the kubelet puts before a message: an event ends at 1,024 bytes.
const maxMessage = 800

// Init answers that there is nothing to attach, and that the kubelet is not to change owners: the files have the pod's
// group already, and a kubelet that gave them to it once more would let the group write.
func Init() Answer { return Answer{Status: Success, Capabilities: &Capabilities{}} }

// Unsupported answers an operation that this driver does not have; the kubelet goes on without it.
func Unsupported() Answer { return Answer{Status: NotSupported} }

// AnswerTo is success, or the failure on one line with what mends it.
func AnswerTo(err error) Answer {
	if err == nil {
		return Answer{Status: Success}
	}
	return Answer{Status: Failure, Message: fault.Bound(fault.Explain(err), maxMessage)}
}

// Write writes the answer. Remedies are commands to copy, so <, > and & stay as they are.
func (a Answer) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(a)
}
