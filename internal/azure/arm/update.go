package arm

import (
	"context"
	"net/http"
	"strings"

	"strongroom/internal/fault"
)

// Update adds and removes identities, starting from what the machine was last seen to have. What is so already is not
// sent, and when nothing is left to do there is no request and the operation is Done.
//
// held may be out of date: identities that others have put on the machine meanwhile stay. Only removing the last that
// held knows of takes all away, since Azure has no word for less; that request is made to depend on held.ETag, and fails
// with Busy when the machine has changed since.
//
// Errors are Invalid (a malformed id or more than MaxChange of them), NotFound when Azure does not know the machine or it
// is being deleted, Busy while another operation runs or when held is out of date (read again then), Denied with the role
// that is missing, Throttled, Expired, Unsupported or Unavailable. errors.As finds a *BadIdentities in those that only
// certain identities are to blame for.
func (c *Client) Update(ctx context.Context, r Resource, held Held, change Change) (Operation, error) {
	d, err := deltaOf(r, held, change)
	if err != nil {
		return Operation{}, err
	}
	if d.empty() {
		return Operation{Done: true}, nil
	}
	if strings.EqualFold(held.ProvisioningState, "Deleting") {
		return Operation{}, fault.New(fault.NotFound, r.String(), "is being deleted")
	}
	address, err := c.address(r)
	if err != nil {
		return Operation{}, err
	}
	body, err := d.body()
	if err != nil { // maps of strings can be marshalled
		return Operation{}, fault.Wrap(err, fault.Internal, r.String(), "the update cannot be written")
	}
	var condition []string
	if d.blanket && held.ETag != "" {
		condition = []string{"If-Match", held.ETag}
	}
	got, err := c.send(ctx, http.MethodPatch, address, r.String(), body, condition...)
	if err != nil {
		return Operation{}, err
	}
	switch got.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		return c.begun(got, address)
	}
	return Operation{}, c.refusal(got, r.String(), r)
}
