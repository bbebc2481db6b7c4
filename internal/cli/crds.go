package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"strongroom/api/aadpodidentity"
	identities "strongroom/api/aadpodidentity/crd"
	"strongroom/api/secretsstore"
	classes "strongroom/api/secretsstore/crd"
)

// runCRDs prints the definitions, or makes them what a cluster has. The second is how they are upgraded: Helm installs
// definitions once and leaves them alone ever after.
func runCRDs(ctx context.Context, p Process) error {
	set := flags(p, "crds", "crds [--pod-identity] [--apply [--kubeconfig FILE]]")
	apply := set.Bool("apply", false, "apply them to the cluster, in place of those that are there, and wait until it serves them")
	ofClasses := set.Bool("secrets-store", true, "those of "+secretsstore.Group)
	ofIdentities := set.Bool("pod-identity", false, "those of "+aadpodidentity.Group)
	kubeconfig := addKubeconfig(set)
	if err := parse(set, p, false); err != nil {
		return err
	}
	var manifests [][]byte
	var groups []string
	if *ofClasses {
		manifests, groups = append(manifests, classes.YAML()), append(groups, secretsstore.Group)
	}
	if *ofIdentities {
		manifests, groups = append(manifests, identities.YAML()), append(groups, aadpodidentity.Group)
	}
	if len(groups) == 0 {
		return errUsage{errors.New("nothing is left: leave --secrets-store as it is, or set --pod-identity")}
	}
	manifest := bytes.Join(manifests, []byte("---\n"))
	if !*apply {
		_, err := p.Stdout.Write(manifest)
		return err
	}
	client, err := asPerson(p, *kubeconfig, "crds")
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.ApplyCRDs(ctx, manifest); err != nil {
		return err
	}
	for _, group := range groups {
		fmt.Fprintf(p.Stdout, "applied and served: the kinds of %s\n", group)
	}
	return nil
}
