package compute

import (
	"net/http"
	"strconv"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// resourceBody is a resource as it is read.
type resourceBody struct {
	wire.Resource
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
		Resource: wire.Resource{ID: m.ID(), Name: m.Name, Type: m.kind(), Location: wire.Region}, ETag: m.etag(),
		Identity: identityOf(m.model), Properties: map[string]any{"provisioningState": m.provisioning()},
	}
	if m.Kind == ScaleSet {
		body.SKU = map[string]any{"name": size, "tier": "Standard", "capacity": len(m.instances)}
		body.Properties["upgradePolicy"] = map[string]any{"mode": m.Upgrade}
		body.Properties["virtualMachineProfile"] = map[string]any{"osProfile": map[string]any{"computerNamePrefix": m.Name}, "storageProfile": linuxDisk()}
		return body
	}
	body.Properties["hardwareProfile"] = map[string]any{"vmSize": size}
	body.Properties["storageProfile"] = linuxDisk()
	body.Properties["osProfile"] = map[string]any{"computerName": m.Name}
	return body
}

// size is what every machine is; clients print it.
const size = "Standard_D2s_v5"

func linuxDisk() map[string]any {
	return map[string]any{"osDisk": map[string]any{"osType": "Linux", "createOption": "FromImage"}}
}

// shown is the machine as an answer, with its running state if the client wants that too.
func (m *machine) shown(q wire.Request, status int) *wire.Answer {
	body := m.document()
	if m.Kind == VirtualMachine && strings.EqualFold(q.Query.Get("$expand"), "instanceView") {
		body.Properties["instanceView"] = m.view()
	}
	return &wire.Answer{Status: status, Header: map[string]string{"ETag": m.etag()}, Body: body}
}

// view is how the machine is, beside what it should be: everything here always runs.
func (m *machine) view() map[string]any {
	if m.Kind == ScaleSet {
		return map[string]any{
			"virtualMachine": map[string]any{"statusesSummary": []any{
				map[string]any{"code": "ProvisioningState/succeeded", "count": len(m.instances)}, map[string]any{"code": "PowerState/running", "count": len(m.instances)}}},
			"statuses": m.statuses()[:1],
		}
	}
	return map[string]any{"statuses": m.statuses()}
}

func (m *machine) statuses() []any {
	state := m.provisioning()
	return []any{
		map[string]any{"code": "ProvisioningState/" + strings.ToLower(state), "level": "Info", "displayStatus": "Provisioning " + strings.ToLower(state)},
		map[string]any{"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"},
	}
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

// readInstances answers for one instance of a scale set, its view, or all instances.
func (m *machine) readInstances(p place) *wire.Answer {
	var list []resourceBody
	for i, one := range m.instances {
		number := strconv.Itoa(i)
		if p.instance != "" && p.instance != number {
			continue
		}
		list = append(list, resourceBody{
			Resource:   wire.Resource{ID: m.ID() + "/virtualMachines/" + number, Name: m.Name + "_" + number, Type: m.kind() + "/virtualMachines", Location: wire.Region},
			InstanceID: number, SKU: map[string]any{"name": size, "tier": "Standard"},
			Properties: map[string]any{
				"provisioningState": m.provisioning(), "latestModelApplied": one.applied == m.revision,
				"osProfile": map[string]any{"computerName": one.node},
			},
		})
	}
	switch {
	case p.instance == "":
		return wire.List(list)
	case len(list) == 0:
		return wire.Refuse(http.StatusNotFound, "InvalidParameter", "The provided instanceId %s is not an active Virtual Machine Scale Set VM instanceId.", p.instance)
	case p.view:
		return wire.OK(map[string]any{"statuses": m.statuses()})
	}
	return wire.OK(list[0])
}
