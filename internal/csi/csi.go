// Package csi is the kubelet's door: the Identity and Node services of the Container Storage Interface on a private
// socket. It turns a request into a publish.Volume, a fault into a gRPC code, and nothing more; what a volume holds and
// when it is fetched is decided behind Publisher.
//
// It offers inline volumes of pods and nothing else: no controller service, no staging, no block devices, no writable
// volumes. It trusts the kubelet for who the pod is, and a pod's author for nothing: attributes that only the kubelet
// may set are taken out of the author's.
//
// Every error is logged here, once, with what would mend it, and answered in the same words. A panic costs one call,
// not the driver. No attribute, token or secret is ever logged.
package csi

import (
	"context"

	"strongroom/internal/publish"
	"strongroom/internal/volume"
)

// Publisher does the work of a volume. Errors are faults.
type Publisher interface {
	// Publish makes the volume's files appear or brings them up to date. Success means complete content.
	Publish(ctx context.Context, v publish.Volume) error
	// Unpublish removes them; again and again is fine.
	Unpublish(ctx context.Context, id, target string) error
}

// Stats measures a volume; NotFound when there is none at the target.
type Stats interface {
	Stats(target string) (volume.Stats, error)
}
