package arm

import (
	"net/http"
	"strconv"

	"strongroom/internal/emulator/entra"
)

// resourceBody is a resource as it is read.
type resourceBody struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Location   string         `json:"location"`
	ETag       string         `json:"etag,omitempty"`
	InstanceID string         `json:"instanceId,omitempty"`
	SKU        map[string]any `json:"sku,omitempty"`
	Identity   *identityBody  `json:"identity,omitempty"` // left out when there is none
	Properties map[string]any `json:"properties"`
}

type identityBody struct {
	Type        string              `json:"type"`
	PrincipalID string              `json:"principalId,omitempty"`
	TenantID    string              `json:"tenantId,omitempty"`
	User        map[string]userBody `json:"userAssignedIdentities,omitempty"`
}

type userBody struct {
	ClientID    string `json:"clientId"`
	PrincipalID string `json:"principalId"`
}

func (m *machine) document() resourceBody {
	body := resourceBody{
		ID: m.ID(), Name: m.Name, Type: "Microsoft.Compute/" + string(m.Kind), Location: region, ETag: m.etag(),
		Identity: identityOf(m.model), Properties: map[string]any{"provisioningState": m.provisioning()},
	}
	if m.Kind == ScaleSet {
		body.SKU = map[string]any{"capacity": len(m.instances)}
		body.Properties["upgradePolicy"] = map[string]any{"mode": m.Upgrade}
	}
	return body
}

func (m *machine) shown(status int) *answer {
	return &answer{status: status, header: map[string]string{"ETag": m.etag()}, body: m.document()}
}

func (m *machine) etag() string { return strconv.Quote(strconv.Itoa(m.changes)) }

func identityOf(h Holding) *identityBody {
	if h.System == nil && len(h.User) == 0 {
		return nil
	}
	body := &identityBody{Type: h.word()}
	if h.System != nil {
		body.PrincipalID, body.TenantID = h.System.ObjectID, h.System.TenantID
	}
	for _, p := range h.User {
		if body.User == nil {
			body.User = map[string]userBody{}
		}
		body.User[nameOf(p)] = userBody{p.ClientID, p.ObjectID}
	}
	return body
}

// nameOf is the resource id, or the client id of what has none: a state file may give a node somebody else's identity.
func nameOf(p entra.Principal) string {
	if p.ResourceID == "" {
		return p.ClientID
	}
	return p.ResourceID
}

// readInstances answers for one instance of a scale set, or all of them.
func (m *machine) readInstances(id string) *answer {
	list := []resourceBody{}
	for i, one := range m.instances {
		number := strconv.Itoa(i)
		if id != "" && id != number {
			continue
		}
		list = append(list, resourceBody{
			ID: m.ID() + "/virtualMachines/" + number, Name: m.Name + "_" + number, InstanceID: number, Location: region,
			Type: "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
			Properties: map[string]any{
				"provisioningState": m.provisioning(), "latestModelApplied": one.applied == m.revision,
				"osProfile": map[string]any{"computerName": one.node},
			},
		})
	}
	switch {
	case id == "":
		return &answer{status: http.StatusOK, body: map[string]any{"value": list}}
	case len(list) == 0:
		return notFound("InvalidParameter", "The provided instanceId %s is not an active Virtual Machine Scale Set VM instanceId.", id)
	}
	return &answer{status: http.StatusOK, body: list[0]}
}
