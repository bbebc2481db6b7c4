package kube

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// WriteIdentityStatus makes these the conditions of an AzureIdentity, in place of those that stood there, and touches
// nothing else: its kind has no status subresource, so it is the object that is patched. The same again changes nothing.
// One that is gone is a NotFound fault.
func (c *Client) WriteIdentityStatus(ctx context.Context, namespace, name string, conditions []secretsstore.Condition) error {
	_, err := c.raw(ctx, merge(identities.at(namespace, name), map[string]any{
		"status": map[string]any{"conditions": inSeconds(conditions)},
	}))
	return err
}

// WritePodCondition sets the condition of that type in a pod's status, and leaves all others. A pod that is gone, also
// when another has its name, is a NotFound fault.
func (c *Client) WritePodCondition(ctx context.Context, namespace, name, uid string, condition secretsstore.Condition) error {
	r := merge(pods.at(namespace, name, "status"), map[string]any{
		"metadata": map[string]any{"uid": uid},
		"status":   map[string]any{"conditions": inSeconds([]secretsstore.Condition{condition})},
	})
	r.media = types.StrategicMergePatchType
	_, err := c.raw(ctx, r)
	if isAnother(err) {
		return fault.New(fault.NotFound, "", "pods %q with uid %s not found", name, uid)
	}
	return err
}

// isAnother is true of the refusal of a write that names the UID of an object whose name another has by now.
func isAnother(err error) bool {
	kind := fault.KindOf(err)
	return (kind == fault.Invalid || kind == fault.Busy) && strings.Contains(err.Error(), "metadata.uid")
}
