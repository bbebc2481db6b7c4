package arm

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
)

// progress is what an answer about an operation says of it: in the first form its status, in the others the machine.
type progress struct {
	Status     string          `json:"status"`
	Error      json.RawMessage `json:"error"`
	Properties *struct {
		ProvisioningState string `json:"provisioningState"`
	} `json:"properties"`
}

// begun is the operation that the answer to an update speaks of. Without an address of its own, and when it is not over,
// the machine itself is asked how it goes.
func (c *Client) begun(got reply, machine string) (Operation, error) {
	op := Operation{URL: got.header.Get("Azure-AsyncOperation"), RetryAfter: transport.RetryAfter(got.header, got.now)}
	if op.URL == "" {
		op.URL = got.header.Get("Location")
	}
	if op.URL == "" {
		var p progress
		if got.status != http.StatusAccepted && json.Unmarshal(got.body, &p) == nil && p.Properties != nil && final(p.Properties.ProvisioningState) {
			return c.ended(p.Properties.ProvisioningState, got)
		}
		op.URL = machine
	}
	if _, err := c.ours(op.URL); err != nil {
		return Operation{}, err
	}
	return op, nil
}

// ended is an operation without an address that was over at once.
func (c *Client) ended(state string, got reply) (Operation, error) {
	if strings.EqualFold(state, "Succeeded") {
		return Operation{Done: true}, nil
	}
	return Operation{}, c.failure(state, nil, got)
}

// Poll asks once how an operation goes. An operation that has failed comes back Done and with the error that made it
// fail, of the same kinds as Update's and with *BadIdentities likewise. Any other error comes with the operation as it was,
// which may still run: Throttled, Unavailable, Denied or Expired are to be asked again, and NotFound means that Azure has
// forgotten it, so that only Identities can tell what became of it.
func (c *Client) Poll(ctx context.Context, op Operation) (Operation, error) {
	if op.Done {
		return op, nil
	}
	const subject = "update of a machine's identities"
	got, err := c.send(ctx, http.MethodGet, op.URL, subject, nil)
	if err != nil {
		op.RetryAfter = 0
		return op, err
	}
	op.RetryAfter = transport.RetryAfter(got.header, got.now)
	var p progress
	unreadable := json.Unmarshal(got.body, &p) != nil
	switch {
	case got.status > http.StatusNoContent:
		return c.unanswered(op, got, subject)
	case !unreadable && p.Status != "":
		return c.judged(op, p.Status, p.Error, got)
	case got.status == http.StatusAccepted:
		return op, nil
	case len(got.body) == 0: // the Location form of an update that shows nothing
	case unreadable:
		return op, fault.New(fault.Unavailable, subject, "the answer is not the JSON of an operation")
	case p.Properties != nil && p.Properties.ProvisioningState != "":
		return c.judged(op, p.Properties.ProvisioningState, nil, got)
	}
	return Operation{URL: op.URL, Done: true}, nil
}

// unanswered is an error in an answer's status. The Location form tells a failed update like this, with the status and
// code that a refusal would have had; the others mean the poll itself when waiting or another token may help.
func (c *Client) unanswered(op Operation, got reply, subject string) (Operation, error) {
	err := c.refusal(got, subject, Resource{})
	switch fault.KindOf(err) {
	case fault.Throttled, fault.Unavailable, fault.Expired, fault.NotFound:
		return op, err
	}
	if got.status == http.StatusUnauthorized || strings.EqualFold(readProblem(got.body).Code, "AuthorizationFailed") {
		return op, err // the right to ask is missing; the update had its own checked when it began
	}
	return Operation{URL: op.URL, Done: true}, err
}

// judged reads the word of an operation or machine.
func (c *Client) judged(op Operation, word string, problem json.RawMessage, got reply) (Operation, error) {
	if !final(word) {
		return op, nil
	}
	op = Operation{URL: op.URL, Done: true}
	if strings.EqualFold(word, "Succeeded") {
		return op, nil
	}
	return op, c.failure(word, problem, got)
}

// final reports whether a word is one that nothing follows. All others, and there are many, mean that it goes on.
func final(word string) bool {
	return strings.EqualFold(word, "Succeeded") || strings.EqualFold(word, "Failed") || strings.EqualFold(word, "Canceled") || strings.EqualFold(word, "Cancelled")
}
