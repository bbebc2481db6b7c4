package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"strongroom/e2e/azure"
)

// Where things are on the node. The addresses exist in the run's own network alone.
const (
	Name            = "node1"
	Address         = "10.200.0.1"
	AzureAddress    = "10.210.0.1"      // every name that Azure has, and the name server
	MetadataAddress = "169.254.169.254" // IMDS
	serverAddress   = "10.96.0.1"       // of the API server: the first of the service range, for kubernetes.default.svc
	frontAddress    = "10.96.0.2"       // of what stands before it, under its names
	azureLink       = "azure0"
	// tokenProxySuffix ends the names by which the token proxy is asked for at the API server's front.
	tokenProxySuffix = ".ests.aks"

	kubeletDir = "/var/lib/kubelet"
	// SharedDir is where pods find the emulator's CA and cloud file, by hostPath.
	SharedDir = "/run/strongroom-e2e"
	// VolumePlugins is where the kubelet looks for FlexVolume drivers, as on AKS.
	VolumePlugins = "/etc/kubernetes/volumeplugins"

	// Issuer is what service account tokens of this cluster name as their issuer.
	Issuer = "https://oidc.e2e.strongroom.example/cluster"
)

// Node is a running cluster of one node.
type Node struct {
	Version string // of Kubernetes, as asked for: "1.36"
	Config  *rest.Config
	Client  *kubernetes.Clientset
	Azure   *azure.Emulator

	dir        string
	assets     string
	context    context.Context
	fail       context.CancelCauseFunc
	components sync.Map // of *component, by name
}

// Context ends when a component of the cluster has ended, which nothing recovers from; its cause tells of it.
func (n *Node) Context() context.Context { return n.context }

// Kubeconfig is the administrator's.
func (n *Node) Kubeconfig() string { return filepath.Join(n.dir, "pki", "admin.kubeconfig") }

// Scratch is a directory that goes with the run.
func (n *Node) Scratch() string { return filepath.Join(n.dir, "scratch") }

// Asset is the path of a program or image that was prepared.
func (n *Node) Asset(name string) string { return filepath.Join(n.assets, name) }

// Kube is the program that holds kubectl, among others.
func (n *Node) Kube() string { return n.Asset("kube-" + n.Version) }

// patience is how long each step of the start may take on a machine that is busy with other things.
const patience = 2 * time.Minute

// start brings everything up, in the order in which one needs the other.
func start(dir string) (*Node, error) {
	began := time.Now()
	n := &Node{dir: dir, Version: variable("KUBE", "1.36")}
	n.context, n.fail = context.WithCancelCause(context.Background())
	var err error
	if n.assets, err = filepath.Abs(variable("STRONGROOM_E2E_ASSETS", "../bin/e2e")); err != nil {
		return nil, err
	}
	if _, err := os.Stat(n.Kube()); err != nil {
		return nil, fmt.Errorf("%w: run \"make e2e-prepare\" first", err)
	}
	for _, step := range []func() error{n.files, n.registry, n.ground, n.images, n.server, n.azure, n.workers, n.ready} {
		if err := step(); err != nil {
			return nil, n.story(err)
		}
	}
	fmt.Fprintf(os.Stderr, "e2e: Kubernetes %s is up after %.1f s\n", n.Version, time.Since(began).Seconds())
	return n, nil
}

// story is the error with what the components said last, for there is nobody left to look at their logs.
func (n *Node) story(err error) error {
	if cause := context.Cause(n.context); cause != nil {
		return cause
	}
	n.components.Range(func(name, _ any) bool {
		err = fmt.Errorf("%w\n--- %s\n%s", err, name, n.Tail(name.(string), 1500))
		return true
	})
	return err
}

func variable(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}

// until asks again and again until there is no error, a component ends or patience does. It is for the few things of the
// start that announce themselves by nothing but an answer.
func (n *Node) until(what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(n.context, patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: %w", what, err), context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
