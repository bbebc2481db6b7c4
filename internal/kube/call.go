package kube

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"strongroom/api/aadpodidentity"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// resource is a kind of object by its place in the API: the path of its group and version, and its plural.
type resource struct{ root, plural string }

// The kinds there are for us.
var (
	classes     = resource{"apis/" + secretsstore.V1, "secretproviderclasses"}
	podStatuses = resource{"apis/" + secretsstore.V1, "secretproviderclasspodstatuses"}
	pods        = resource{"api/v1", "pods"}
	secrets     = resource{"api/v1", "secrets"}
	events      = resource{"api/v1", "events"}
	nodes       = resource{"api/v1", "nodes"}
	csiNodes    = resource{"apis/storage.k8s.io/v1", "csinodes"}
	csiDrivers  = resource{"apis/storage.k8s.io/v1", "csidrivers"}
	leases      = resource{"apis/coordination.k8s.io/v1", "leases"}
	crds        = resource{"apis/apiextensions.k8s.io/v1", "customresourcedefinitions"}
	configMaps  = resource{"api/v1", "configmaps"}
	daemonSets  = resource{"apis/apps/v1", "daemonsets"}

	identities         = resource{"apis/" + aadpodidentity.APIVersion, "azureidentities"}
	bindings           = resource{"apis/" + aadpodidentity.APIVersion, "azureidentitybindings"}
	assignedIdentities = resource{"apis/" + aadpodidentity.APIVersion, "azureassignedidentities"}
	exceptions         = resource{"apis/" + aadpodidentity.APIVersion, "azurepodidentityexceptions"}
)

// asMetadata makes the server answer with an object's metadata alone, and with a list of such for a list.
const (
	asMetadata     = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	asMetadataList = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// at is the path of one object, or of all with an empty name, or of those of every namespace with an empty namespace.
func (r resource) at(namespace, name string, sub ...string) []string {
	path := []string{r.root}
	if namespace != "" {
		path = append(path, "namespaces", namespace)
	}
	path = append(path, r.plural)
	if name != "" {
		path = append(path, name)
	}
	return append(path, sub...)
}

// call is one request.
type call struct {
	verb   string
	path   []string
	params map[string]string
	media  types.PatchType // of a patch's body; "" is JSON
	accept string          // "" is protobuf or JSON, as the kind has it
	body   any             // marshalled as JSON, or bytes as they are
}

// The media types of what is sent and asked for; only JSON is read in shapes of our own.
const (
	jsonOnly = "application/json"
	protobuf = "application/vnd.kubernetes.protobuf"
)

// raw makes the call and gives the answer as JSON. Errors are faults.
func (c *Client) raw(ctx context.Context, r call) ([]byte, error) {
	if r.accept == "" {
		r.accept = jsonOnly
	}
	var raw []byte
	err := c.do(ctx, r, func(answer rest.Result) (err error) {
		raw, err = answer.Raw()
		return err
	})
	return raw, err
}

// read makes the call and decodes the answer into a kind of the scheme. Errors are faults.
func (c *Client) read(ctx context.Context, r call, into runtime.Object) error {
	return c.do(ctx, r, func(answer rest.Result) error { return answer.Into(into) })
}

// answered makes the call and decodes the answer into a shape of our own. Errors are faults.
func (c *Client) answered(ctx context.Context, r call, into any) error {
	raw, err := c.raw(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fault.Wrap(err, fault.Unavailable, "API server", "its answer cannot be read")
	}
	return nil
}

func (c *Client) do(ctx context.Context, r call, decode func(rest.Result) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := c.request(r)
	if err != nil {
		return err
	}
	answer := request.Do(quiet(ctx))
	if err := answer.Error(); err != nil {
		return refusal(err, r)
	}
	if err := decode(answer); err != nil {
		return fault.Wrap(err, fault.Unavailable, "API server", "its answer cannot be read")
	}
	return nil
}

// request builds the call without retries: whoever calls knows better what a second try is worth.
func (c *Client) request(r call) (*rest.Request, error) {
	request := c.rest.Verb(r.verb).AbsPath(r.path...).MaxRetries(0)
	for key, value := range r.params {
		request.Param(key, value)
	}
	if r.accept != "" {
		request.SetHeader("Accept", r.accept)
	}
	if r.body == nil {
		return request, nil
	}
	body, ready := r.body.([]byte)
	if !ready {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, fault.Wrap(err, fault.Internal, r.String(), "cannot be encoded")
		}
	}
	media := jsonOnly
	if r.verb == http.MethodPatch {
		media = string(r.media)
	}
	return request.SetHeader("Content-Type", media).Body(body), nil
}

// quiet keeps client-go from logging calls: it would print bodies, and so secrets, for whoever turns its own verbosity
// up. What is worth a line is in the error.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// apply is a server-side apply of body, which takes the fields it names from whoever had them when force is set.
func apply(path []string, body any, force bool) call {
	params := map[string]string{"fieldManager": manager}
	if force {
		params["force"] = "true"
	}
	return call{verb: http.MethodPatch, path: path, params: params, media: types.ApplyPatchType, body: body, accept: jsonOnly}
}

// merge is a JSON merge patch.
func merge(path []string, body any) call {
	return call{verb: http.MethodPatch, path: path, params: map[string]string{"fieldManager": manager}, media: types.MergePatchType, body: body, accept: jsonOnly}
}
