package cli

import (
	"context"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/arm"
	"strongroom/internal/kube"
	"strongroom/internal/podid/mic"
	"strongroom/internal/telemetry"
)

// meteredWriter counts writes.
type meteredWriter struct {
	*kube.AssignedIdentities
	metrics *telemetry.MICMetrics
}

func (w meteredWriter) Create(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	began := time.Now()
	made, err := w.AssignedIdentities.Create(ctx, a)
	w.metrics.Wrote("addition", time.Since(began), err)
	return made, err
}

func (w meteredWriter) Replace(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	began := time.Now()
	made, err := w.AssignedIdentities.Replace(ctx, a)
	w.metrics.Wrote("update", time.Since(began), err)
	return made, err
}

func (w meteredWriter) SetState(ctx context.Context, a aadpodidentity.AssignedIdentity, s aadpodidentity.State) error {
	began := time.Now()
	err := w.AssignedIdentities.SetState(ctx, a, s)
	w.metrics.Wrote("update", time.Since(began), err)
	return err
}

func (w meteredWriter) Delete(ctx context.Context, a aadpodidentity.AssignedIdentity) error {
	began := time.Now()
	err := w.AssignedIdentities.Delete(ctx, a)
	w.metrics.Wrote("deletion", time.Since(began), err)
	return err
}

// meteredAzure counts calls.
type meteredAzure struct {
	mic.Azure
	metrics *telemetry.MICMetrics
}

func (a meteredAzure) Identities(ctx context.Context, r arm.Resource) (arm.Held, error) {
	began := time.Now()
	held, err := a.Azure.Identities(ctx, r)
	a.metrics.Called(machineKind(r)+"_get", time.Since(began), err)
	return held, err
}

func (a meteredAzure) Update(ctx context.Context, r arm.Resource, h arm.Held, c arm.Change) (arm.Operation, error) {
	began := time.Now()
	operation, err := a.Azure.Update(ctx, r, h, c)
	a.metrics.Called(machineKind(r)+"_update", time.Since(began), err)
	return operation, err
}

func machineKind(r arm.Resource) string {
	if r.Kind == arm.ScaleSet {
		return "vmss"
	}
	return "vm"
}
