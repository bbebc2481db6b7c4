package arm

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"strongroom/internal/fault"
)

// document is a machine as it is read; what is not about identities is left out.
type document struct {
	ETag     string `json:"etag"`
	Identity *struct {
		Type        string                   `json:"type"`
		PrincipalID string                   `json:"principalId"`
		TenantID    string                   `json:"tenantId"`
		User        map[string]*userAssigned `json:"userAssignedIdentities"`
	} `json:"identity"`
	Properties *struct {
		ProvisioningState string `json:"provisioningState"`
	} `json:"properties"`
}

type userAssigned struct {
	ClientID    string `json:"clientId"`
	PrincipalID string `json:"principalId"`
}

// Identities reads which identities a machine has. Errors are NotFound when Azure does not know the machine, Denied with
// the role that is missing, Throttled, Expired for a token that is no longer taken, Unavailable, or Invalid.
func (c *Client) Identities(ctx context.Context, r Resource) (Held, error) {
	address, err := c.address(r)
	if err != nil {
		return Held{}, err
	}
	got, err := c.send(ctx, http.MethodGet, address, r.String(), nil)
	if err != nil {
		return Held{}, err
	}
	if got.status != http.StatusOK {
		return Held{}, c.refusal(got, r.String(), r)
	}
	var d document
	if json.Unmarshal(got.body, &d) != nil || d.Properties == nil {
		return Held{}, fault.New(fault.Unavailable, r.String(), "the answer is not the JSON of a machine")
	}
	held := d.held()
	if tag := got.header.Get("ETag"); tag != "" {
		held.ETag = tag
	}
	return held, nil
}

func (d document) held() Held {
	h := Held{ETag: d.ETag, Identities: map[string]HeldIdentity{}}
	if d.Properties != nil {
		h.ProvisioningState = d.Properties.ProvisioningState
	}
	if d.Identity == nil {
		return h
	}
	h.Type, h.PrincipalID, h.TenantID = d.Identity.Type, d.Identity.PrincipalID, d.Identity.TenantID
	for id, one := range d.Identity.User {
		if one == nil {
			one = &userAssigned{}
		}
		h.Identities[strings.ToLower(id)] = HeldIdentity{ClientID: one.ClientID, PrincipalID: one.PrincipalID}
	}
	return h
}
