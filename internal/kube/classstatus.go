package kube

import (
	"context"

	"strongroom/api/secretsstore"
)

// WriteClassStatus makes the status of a class say this; generation is the one of the class that was looked at, and is
// noted in every condition that names none. Only the status is written, and what others wrote into it is left. A class
// that is gone is a NotFound fault.
func (c *Client) WriteClassStatus(ctx context.Context, namespace, name string, generation int64, status secretsstore.ClassStatus) error {
	status.Conditions = inSeconds(status.Conditions)
	for i := range status.Conditions {
		if status.Conditions[i].ObservedGeneration == 0 {
			status.Conditions[i].ObservedGeneration = generation
		}
	}
	_, err := c.raw(ctx, apply(classes.at(namespace, name, "status"), struct {
		APIVersion string                   `json:"apiVersion"`
		Kind       string                   `json:"kind"`
		Metadata   metadata                 `json:"metadata"`
		Status     secretsstore.ClassStatus `json:"status"`
	}{secretsstore.V1, secretsstore.KindClass, metadata{Name: name, Namespace: namespace}, status}, true))
	return err
}
