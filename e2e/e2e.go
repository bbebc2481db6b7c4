// Package e2e holds the end-to-end scenarios, and here what they are written with: a real cluster of one node, an Azure
// beside it, and ways to make, ask, wait and look. docs/testing.md tells how to write one.
//
// Every helper takes the test and fails it; none gives back an error that a scenario would only pass on. Whatever takes
// time is waited for until a deadline that is generous, because the machine may be busy with other things.
package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// patience is how long anything may take that should happen soon.
const patience = 2 * time.Minute

// cluster is the node that all scenarios share; objects reads and writes whatever it knows. Both are set before the first
// scenario.
var (
	cluster *node.Node
	objects *dynamic.DynamicClient
)

// use makes a running node the one that scenarios meet.
func use(n *node.Node) error {
	cluster = n
	var err error
	objects, err = dynamic.NewForConfig(n.Config)
	return err
}

// Azure is where to plant secrets and identities, what to break, and what was asked.
func Azure() *azure.Emulator { return cluster.Azure }

// longForm skips a scenario in the short form. That has what another version of Kubernetes could change: how tokens and
// secrets reach the driver, when volumes are published anew and for which sorts of pods, how Secrets reach a pod's
// variables, what the API server thinks of our kinds and of manifests, the FlexVolume, and the kubelet's crash.
func longForm(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("the long form")
	}
}

// Within gives a context that ends after a while, or at once when a component of the cluster ends: nothing that is
// waited for would come then. In a cleanup, before which the test's own context ends, it is as good as before.
func Within(t testing.TB, d time.Duration) context.Context {
	parent := t.Context()
	if parent.Err() != nil {
		parent = context.WithoutCancel(parent)
	}
	return within(t, parent, d)
}

func within(t testing.TB, parent context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(d, func() { cancel(fmt.Errorf("gave up after %s", d)) })
	stop := context.AfterFunc(cluster.Context(), func() { cancel(context.Cause(cluster.Context())) })
	t.Cleanup(func() {
		timer.Stop()
		stop()
		cancel(context.Canceled)
	})
	return ctx
}

// Eventually looks again and again until there is no error: for files, mounts and counters, which announce nothing. What
// lives in the API is better waited for with Await. The longer it takes, the seldomer it looks: what all clusters do beside
// each other is bound by the processor, and a look may ask for much.
func Eventually(t testing.TB, what string, look func() error) {
	t.Helper()
	ctx := Within(t, patience)
	for began := time.Now(); ; {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v; %v", what, context.Cause(ctx), err)
		case <-time.After(min(max(time.Since(began)/8, 50*time.Millisecond), 250*time.Millisecond)):
		}
	}
}
