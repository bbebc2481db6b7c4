package cli

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/kube"
	"strongroom/internal/secret"
)

// clusterIdentity is the client id of the identity that the cluster itself logs in as, which stays on every machine.
func clusterIdentity(own azurejson.Config) string {
	if own.Mode == secret.ManagedIdentity {
		return own.ClientID
	}
	return ""
}

// release deletes what MIC has written into the cluster, finalizers included: without a MIC nobody else would take them
// off, and the objects, with their namespaces, would never go. What is on machines stays there: identities that nothing
// uses harm nobody, and the next MIC knows from its ledger which are its own.
func (c *micConfig) release(ctx context.Context, p Process) error {
	client, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, UserAgent: "strongroom-mic/" + Version, Log: slog.New(slog.DiscardHandler), CallsPerSecond: micCallsPerSecond, CallsAtOnce: micCallsPerSecond})
	if err != nil {
		return err
	}
	defer client.Close()
	assigned := client.AssignedIdentities("")
	list, err := assigned.Read(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(c.Writes)
	for _, a := range list {
		group.Go(func() error { return assigned.Delete(ctx, a) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "released %d assigned identities\n", len(list))
	return nil
}
