package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
)

// deleteTries is how often an assigned identity is tried to be taken away while others write to it.
const deleteTries = 5

// Create makes one and gives it as it stands then. That one of its name exists is a Busy fault.
func (s *AssignedIdentities) Create(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	a.UID, a.ResourceVersion = "", "" // the server's to give
	return s.write(ctx, call{verb: http.MethodPost, path: assignedIdentities.at(a.Namespace, "")}, a)
}

// Replace makes the one of that name, UID and ResourceVersion say this, as a whole. It is a Busy fault when somebody
// changed it meanwhile, or it is another one, and a NotFound fault when it is gone.
func (s *AssignedIdentities) Replace(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	return s.write(ctx, call{verb: http.MethodPut, path: assignedIdentities.at(a.Namespace, a.Name)}, a)
}

func (s *AssignedIdentities) write(ctx context.Context, r call, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	body, err := aadpodidentity.EncodeAssignedIdentity(a)
	if err != nil {
		return a, fault.Wrap(err, fault.Internal, a.Namespace+"/"+a.Name, "cannot be encoded")
	}
	r.body = body
	raw, err := s.client.raw(ctx, r)
	if err != nil {
		return a, err
	}
	stands, err := aadpodidentity.DecodeAssignedIdentity(raw)
	if err != nil {
		return a, fault.Wrap(err, fault.Unavailable, "API server", "its answer cannot be read")
	}
	slimAssigned(&stands)
	return stands, nil
}

// SetState changes the state of the one with a's UID and nothing else, whatever its resource version is by now. When
// another one of its name stands there, that is a Busy fault; when none does, a NotFound fault.
func (s *AssignedIdentities) SetState(ctx context.Context, a aadpodidentity.AssignedIdentity, state aadpodidentity.State) error {
	type step struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	set := step{"replace", "/status/status", state}
	if a.State == "" { // there may be no status to change
		set = step{"add", "/status", map[string]any{"status": state, "availableReplicas": 1}}
	}
	_, err := s.client.raw(ctx, call{
		verb: http.MethodPatch, path: assignedIdentities.at(a.Namespace, a.Name), media: types.JSONPatchType, accept: jsonOnly,
		body: []step{{"test", "/metadata/uid", a.UID}, set},
	})
	var f *fault.Error
	if errors.As(err, &f) && f.Remote.Status == http.StatusUnprocessableEntity {
		// The patch is right, so what it does not fit is another object.
		return fault.Wrap(err, fault.Busy, a.Namespace+"/"+a.Name, "was replaced by another meanwhile")
	}
	return err
}

// Delete takes the one with a's UID away: it asks for the deletion and then takes Finalizer off, for which one write each
// is needed, and only those that still are. Finalizers of others are left, and what they wait for is theirs. One that is
// gone, or another of its name, is done. A Busy fault is one that others write to all the time.
func (s *AssignedIdentities) Delete(ctx context.Context, a aadpodidentity.AssignedIdentity) error {
	for try := 1; ; try++ {
		err := s.end(ctx, a)
		switch kind := fault.KindOf(err); {
		case err == nil || kind == fault.NotFound:
			return nil
		case kind != fault.Busy && kind != fault.Invalid || try == deleteTries:
			return err
		}
		stands, err := s.read(ctx, a)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if stands.UID != a.UID {
			return nil
		}
		a = stands
	}
}

// end does what is left to be done. It is a Busy or an Invalid fault when a is not what stands there.
func (s *AssignedIdentities) end(ctx context.Context, a aadpodidentity.AssignedIdentity) error {
	if !a.Deleting {
		left, err := s.remove(ctx, a)
		if err != nil || left == nil {
			return err
		}
		a = *left
	}
	others := slices.DeleteFunc(slices.Clone(a.Finalizers), func(f string) bool { return f == aadpodidentity.Finalizer })
	if len(others) == len(a.Finalizers) {
		return nil
	}
	_, err := s.client.raw(ctx, merge(assignedIdentities.at(a.Namespace, a.Name), map[string]any{
		"metadata": map[string]any{"uid": a.UID, "resourceVersion": a.ResourceVersion, "finalizers": others},
	}))
	return err
}

// remove asks for the deletion and gives what stays until its finalizers are off, nil when nothing does.
func (s *AssignedIdentities) remove(ctx context.Context, a aadpodidentity.AssignedIdentity) (*aadpodidentity.AssignedIdentity, error) {
	uid := types.UID(a.UID)
	raw, err := s.client.raw(ctx, call{
		verb: http.MethodDelete, path: assignedIdentities.at(a.Namespace, a.Name),
		body: metav1.DeleteOptions{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}, Preconditions: &metav1.Preconditions{UID: &uid},
		},
	})
	if err != nil {
		return nil, err
	}
	var kind metav1.TypeMeta
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "API server", "its answer cannot be read")
	}
	if kind.Kind != aadpodidentity.KindAssignedIdentity {
		return nil, nil
	}
	// What of it cannot be read is none of the metadata, and the rest does not matter any more.
	left, _ := aadpodidentity.DecodeAssignedIdentity(raw)
	return &left, nil
}

// read is what stands under a's name. That its spec cannot be read is no matter to those who ask.
func (s *AssignedIdentities) read(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	raw, err := s.client.raw(ctx, call{verb: http.MethodGet, path: assignedIdentities.at(a.Namespace, a.Name)})
	if err != nil {
		return a, err
	}
	stands, _ := aadpodidentity.DecodeAssignedIdentity(raw)
	return stands, nil
}
