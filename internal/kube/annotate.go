package kube

import (
	"context"

	"strongroom/internal/fault"
)

// Kind is a kind of object that can be annotated.
type Kind string

// The kinds that something watches for annotations.
const (
	KindClass Kind = "class"
	KindPod   Kind = "pod"
)

// Annotate sets one annotation of an object and touches nothing else.
func (c *Client) Annotate(ctx context.Context, kind Kind, namespace, name, key, value string) error {
	r, known := map[Kind]resource{KindClass: classes, KindPod: pods}[kind]
	if !known {
		return fault.New(fault.Invalid, string(kind), "is no kind of object that can be annotated").Mend("use %s or %s", KindClass, KindPod)
	}
	_, err := c.raw(ctx, merge(r.at(namespace, name), map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{key: value}},
	}))
	return err
}
