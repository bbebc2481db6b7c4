package emulator_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/policy"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"strongroom/internal/emulator"
)

const (
	fleetIdentity = "44444444-0001-4000-8000-444444444444"
	spareIdentity = "44444444-0002-4000-8000-444444444444"
	armGroup      = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers/"
	armNode       = armGroup + "Microsoft.Compute/virtualMachines/worker"
	armPool       = armGroup + "Microsoft.Compute/virtualMachineScaleSets/pool"
	armIdentities = armGroup + "Microsoft.ManagedIdentity/userAssignedIdentities/"
)

// fleet is a machine, a scale set, and a controller that may give both of them one of two identities.
const fleet = `
tenants: [{id: ` + tenant + `}]
applications: [{name: controller, clientId: ` + servicePrincipal + `, secrets: [{name: x, value: ` + clientSecret + `}]}]
identities:
- {name: fleet, clientId: ` + fleetIdentity + `, resourceId: ` + armIdentities + `fleet}
- {name: spare, clientId: ` + spareIdentity + `, resourceId: ` + armIdentities + `spare}
nodes: [{name: worker}, {name: pool-0, scaleSet: pool}]
scaleSets: [{name: pool, upgradePolicy: Manual}]
resourceRoles:
- {principal: controller, role: Virtual Machine Contributor, scope: worker}
- {principal: controller, role: Virtual Machine Contributor, scope: pool}
- {principal: controller, role: Managed Identity Operator, scope: fleet}
`

// controller is a client for the resource manager at an endpoint.
type controller struct {
	t        *testing.T
	endpoint string
	pipeline runtime.Pipeline
}

func newController(t *testing.T, o azcore.ClientOptions, endpoint, audience string) controller {
	t.Helper()
	credential := secretCredential(t, o)
	o.Cloud.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: endpoint, Audience: audience}}
	pipeline, err := armruntime.NewPipeline("test", "v1.0.0", credential, runtime.PipelineOptions{}, &policy.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	return controller{t, endpoint, pipeline}
}

func ownController(t *testing.T, e *emulator.Emulator) controller {
	t.Helper()
	return newController(t, options(e), e.Endpoints().ResourceManager, "https://management.core.windows.net/")
}

// machine is what a controller reads of one.
type machine struct {
	Identity *struct {
		Type                   string
		UserAssignedIdentities map[string]struct{ ClientID, PrincipalID string }
	}
}

func (c controller) do(method, id, body string) (*http.Response, error) {
	c.t.Helper()
	r, err := runtime.NewRequest(c.t.Context(), method, runtime.JoinPaths(c.endpoint, id)+"?api-version=2024-07-01")
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		if err := runtime.MarshalAsJSON(r, json.RawMessage(body)); err != nil {
			c.t.Fatal(err)
		}
	}
	resp, err := c.pipeline.Do(r)
	if err != nil {
		return nil, err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusAccepted) {
		return nil, runtime.NewResponseError(resp)
	}
	return resp, nil
}

func (c controller) begin(method, id, body string) *runtime.Poller[machine] {
	c.t.Helper()
	resp, err := c.do(method, id, body)
	if err != nil {
		c.t.Fatal(err)
	}
	poller, err := runtime.NewPoller[machine](resp, c.pipeline, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return poller
}

func (c controller) patch(id, body string) machine {
	c.t.Helper()
	got, err := c.begin(http.MethodPatch, id, body).PollUntilDone(c.t.Context(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

func give(name string) string {
	return `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + armIdentities + name + `":{}}}}`
}

// metadataSays is the text of a node's answer for an identity: the client id it hands a token out for, or its refusal.
func metadataSays(t *testing.T, e *emulator.Emulator, node, client string) string {
	t.Helper()
	target := e.Endpoints().IMDS[node] + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net&client_id=" + client
	_, _, body := fetch(t, e.HTTPClient(), request("GET", target, "", "Metadata", "true"))
	var answer struct {
		Client string `json:"client_id"`
		Error  string `json:"error_description"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Client + answer.Error
}
