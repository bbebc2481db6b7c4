package cli

import (
	"context"
	"fmt"

	"strongroom/api/secretsstore"
	"strongroom/api/secretsstore/crd"
)

// runCRDs prints the definitions, or makes them what a cluster has. The second is how they are upgraded: Helm installs
// definitions once and leaves them alone ever after.
func runCRDs(ctx context.Context, p Process) error {
	set := flags(p, "crds", "crds [--apply [--kubeconfig FILE]]")
	apply := set.Bool("apply", false, "apply them to the cluster, in place of those that are there, and wait until it serves them")
	kubeconfig := addKubeconfig(set)
	if err := parse(set, p, false); err != nil {
		return err
	}
	if !*apply {
		_, err := p.Stdout.Write(crd.YAML())
		return err
	}
	client, err := asPerson(p, *kubeconfig, "crds")
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.ApplyCRDs(ctx, crd.YAML()); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "applied and served: %s and %s of %s\n", secretsstore.KindClass, secretsstore.KindClassStatus, secretsstore.Group)
	return nil
}
