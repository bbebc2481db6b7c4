package cli

import (
	"context"

	"strongroom/api/secretsstore"
	"strongroom/internal/kube"
	"strongroom/internal/podstatus"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync"
)

// statusEvents are the events of rotation.
type statusEvents struct{ to *kube.Events }

// Event implements podstatus.Events.
func (e statusEvents) Event(about podstatus.About, warning bool, reason, message string) {
	e.to.Event(kube.About(about), warning, reason, message)
}

// syncEvents are the events of the copying into Secrets. Those about Secrets that were in order before go under the name
// of rotation, where people's filters look for them.
type syncEvents struct{ syncing, rotation *kube.Events }

// Event implements secretsync.Events.
func (e syncEvents) Event(pod secret.Pod, warning bool, reason, message string) {
	to := e.rotation
	if reason == secretsync.ReasonFailed {
		to = e.syncing
	}
	to.Event(kube.About{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}, warning, reason, message)
}

// syncSecrets are the cluster's Secrets in the syncer's words.
type syncSecrets struct{ at *kube.Secrets }

// Get implements secretsync.Secrets.
func (s syncSecrets) Get(ctx context.Context, namespace, name string) (secretsync.Secret, error) {
	found, err := s.at.Get(ctx, namespace, name)
	return secretsync.Secret(found), err
}

// Apply implements secretsync.Secrets.
func (s syncSecrets) Apply(ctx context.Context, wanted secretsync.Secret) (secretsync.Secret, error) {
	applied, err := s.at.Apply(ctx, kube.Secret(wanted))
	return secretsync.Secret(applied), err
}

// syncPods are the node's pods in the syncer's words.
type syncPods struct{ at *kube.Pods }

// Owners implements secretsync.Pods.
func (p syncPods) Owners(ctx context.Context, pod secret.Pod) ([]secretsstore.Owner, bool, error) {
	found, err := p.at.Pod(ctx, pod.Namespace, pod.Name, pod.UID)
	return found.Owners, found.Finished, err
}
