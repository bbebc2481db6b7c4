package kube

import (
	"context"
	"net/http"
	"time"

	"strongroom/api/secretsstore"
)

// PodStatuses are the SecretProviderClassPodStatuses of one node.
type PodStatuses struct {
	client *Client
	node   string
}

// PodStatuses makes no call.
func (c *Client) PodStatuses(node string) *PodStatuses { return &PodStatuses{client: c, node: node} }

// podStatusObject is one as the API server has it. Its status is no subresource.
type podStatusObject struct {
	APIVersion string                   `json:"apiVersion"`
	Kind       string                   `json:"kind"`
	Metadata   metadata                 `json:"metadata"`
	Status     secretsstore.MountStatus `json:"status"`
}

// metadata is the part of an object's metadata that is written here.
type metadata struct {
	Name            string               `json:"name"`
	Namespace       string               `json:"namespace,omitempty"`
	UID             string               `json:"uid,omitempty"`
	ResourceVersion string               `json:"resourceVersion,omitempty"`
	Labels          map[string]string    `json:"labels,omitempty"`
	Annotations     map[string]string    `json:"annotations,omitempty"`
	Owners          []secretsstore.Owner `json:"ownerReferences,omitempty"`
}

// List reads those that carry the node's label, whoever wrote them.
func (p *PodStatuses) List(ctx context.Context) ([]secretsstore.PodStatus, error) {
	var list struct {
		Items []podStatusObject `json:"items"`
	}
	err := p.client.answered(ctx, call{
		verb: http.MethodGet, path: podStatuses.at("", ""),
		params: map[string]string{"labelSelector": secretsstore.LabelNode + "=" + p.node},
	}, &list)
	if err != nil {
		return nil, err
	}
	statuses := make([]secretsstore.PodStatus, len(list.Items))
	for i, item := range list.Items {
		statuses[i] = secretsstore.PodStatus{
			Name: item.Metadata.Name, Namespace: item.Metadata.Namespace, Node: p.node, Status: item.Status,
		}
		if len(item.Metadata.Owners) > 0 {
			statuses[i].Pod = item.Metadata.Owners[0]
		}
	}
	return statuses, nil
}

// Write makes the object say this, in one call, whether it exists or not: label, owner and status are replaced, and
// what others added is left. The node is the one given to PodStatuses.
func (p *PodStatuses) Write(ctx context.Context, s secretsstore.PodStatus) error {
	s.Status.Conditions = inSeconds(s.Status.Conditions)
	_, err := p.client.raw(ctx, apply(podStatuses.at(s.Namespace, s.Name), podStatusObject{
		APIVersion: secretsstore.V1,
		Kind:       secretsstore.KindClassStatus,
		Metadata: metadata{
			Name: s.Name, Namespace: s.Namespace,
			Labels: map[string]string{secretsstore.LabelNode: p.node},
			Owners: []secretsstore.Owner{s.Pod},
		},
		Status: s.Status,
	}, true))
	return err
}

// inSeconds cuts the times of conditions to what Kubernetes keeps.
func inSeconds(conditions []secretsstore.Condition) []secretsstore.Condition {
	cut := make([]secretsstore.Condition, len(conditions))
	for i, c := range conditions {
		c.LastTransitionTime = c.LastTransitionTime.UTC().Truncate(time.Second)
		cut[i] = c
	}
	return cut
}
