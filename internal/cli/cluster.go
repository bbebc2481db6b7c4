package cli

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"

	"strongroom/internal/kube"
)

// addKubeconfig is the flag of commands that a person runs against a cluster.
func addKubeconfig(set *flag.FlagSet) *string {
	return set.String("kubeconfig", "", "`file` that says where the cluster is; empty looks where kubectl does: KUBECONFIG, the pod this runs in, ~/.kube/config")
}

// asPerson reaches the cluster a person means, as kubectl would.
func asPerson(p Process, kubeconfig, command string) (*kube.Client, error) {
	return kube.New(kube.Config{Kubeconfig: kubeconfigOf(p, kubeconfig), UserAgent: "strongroom-" + command + "/" + Version, Log: slog.New(slog.DiscardHandler)})
}

// kubeconfigOf is empty for the cluster this process runs in.
func kubeconfigOf(p Process, named string) string {
	switch {
	case named != "":
		return named
	case p.Getenv("KUBECONFIG") != "":
		return p.Getenv("KUBECONFIG")
	case p.Getenv("KUBERNETES_SERVICE_HOST") != "" || p.Getenv("HOME") == "":
		return ""
	}
	own := filepath.Join(p.Getenv("HOME"), ".kube", "config")
	if _, err := os.Stat(own); err != nil {
		return ""
	}
	return own
}
