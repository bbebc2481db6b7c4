package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/kube"
)

// refreshTargets say what comes of a refresh, by what is named.
var refreshTargets = map[kube.Kind]string{
	kube.KindClass: "every pod that mounts it gets what the store holds now",
	kube.KindPod:   "its volumes get what the store holds now",
}

// runRefresh marks a class or a pod, which the drivers of the nodes watch for. What comes of it is told on the pods.
func runRefresh(ctx context.Context, p Process) error {
	set := flags(p, "refresh", "refresh [class|pod] NAME [-n NAMESPACE]")
	namespace := set.String("n", "default", "`namespace` of the class or pod")
	set.StringVar(namespace, "namespace", "default", "same as -n")
	kubeconfig := addKubeconfig(set)
	words, err := interspersed(set, p)
	if err != nil {
		return err
	}
	kind, name, err := refreshed(words)
	if err != nil {
		return err
	}
	client, err := asPerson(p, *kubeconfig, "refresh")
	if err != nil {
		return err
	}
	defer client.Close()
	at := time.Now().UTC().Format(time.RFC3339Nano)
	if err := client.Annotate(ctx, kind, *namespace, name, secretsstore.AnnotationRefresh, at); err != nil {
		return mendRefresh(err, kind, *namespace, name)
	}
	fmt.Fprintf(p.Stdout, "asked: %s %s/%s now says %s=%s\n", kind, *namespace, name, secretsstore.AnnotationRefresh, at)
	fmt.Fprintf(p.Stdout, "The drivers see it within seconds and ask the store anew, whatever the interval: %s.\n", refreshTargets[kind])
	fmt.Fprintf(p.Stdout, "A pod whose files change, or cannot be fetched, gets an event: kubectl events -n %s\n", *namespace)
	return nil
}

// refreshed reads what is to be refreshed; a name alone is a class's.
func refreshed(words []string) (kube.Kind, string, error) {
	switch len(words) {
	case 1:
		return kube.KindClass, words[0], nil
	case 2:
		if _, known := refreshTargets[kube.Kind(words[0])]; !known {
			return "", "", errUsage{fmt.Errorf("%q is neither class nor pod", words[0])}
		}
		return kube.Kind(words[0]), words[1], nil
	}
	return "", "", errUsage{errors.New("name one class or pod")}
}

// mendRefresh tells whoever named something that is not there where to look.
func mendRefresh(err error, kind kube.Kind, namespace, name string) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	plural := map[kube.Kind]string{kube.KindClass: "secretproviderclasses", kube.KindPod: "pods"}[kind]
	return fault.Wrap(err, fault.NotFound, fmt.Sprintf("%s %s/%s", kind, namespace, name), "cannot be refreshed").
		Mend("name another, or another namespace with -n: kubectl get %s --all-namespaces", plural)
}

// interspersed parses flags wherever they stand among the other words, and gives those.
func interspersed(set *flag.FlagSet, p Process) (words []string, _ error) {
	for {
		if err := parse(set, p, true); err != nil {
			return nil, err
		}
		if set.NArg() == 0 {
			return words, nil
		}
		words, p.Args = append(words, set.Arg(0)), set.Args()[1:]
	}
}
