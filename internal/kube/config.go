package kube

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"strongroom/internal/fault"
)

// restConfig is where the API server is and who we are, with our own bounds.
func (c Config) restConfig() (*rest.Config, error) {
	config, err := c.access()
	if err != nil {
		return nil, err
	}
	config.UserAgent = c.UserAgent
	if config.UserAgent == "" {
		config.UserAgent = "strongroom"
	}
	config.QPS, config.Burst = float32(cmp.Or(c.CallsPerSecond, callsPerSecond)), cmp.Or(c.CallsAtOnce, callsAtOnce)
	config.AcceptContentTypes = protobuf + "," + jsonOnly
	config.ContentType = jsonOnly
	config.NegotiatedSerializer = codecs.WithoutConversion()
	config.WarningHandler = rest.NoWarnings{} // they would go to the standard error, in another's format
	return config, nil
}

func (c Config) access() (*rest.Config, error) {
	if c.Kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, fault.New(fault.Unsupported, "cluster access", "this process does not run in a cluster").
				Mend("name a kubeconfig")
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cluster access", "the pod's service account cannot be used").
				Mend("set automountServiceAccountToken: true on the pod")
		}
		return config, nil
	}
	if err := someThere(c.Kubeconfig); err != nil {
		return nil, err
	}
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(c.Kubeconfig)}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "kubeconfig "+c.Kubeconfig, "cannot be used")
	}
	return config, nil
}

// someThere is an error when not one of the files can be opened. The library takes that for an empty configuration, and
// gives advice that leads astray. Of a list, some may be missing.
func someThere(list string) error {
	var first error
	for _, name := range filepath.SplitList(list) {
		file, err := os.Open(name)
		if err == nil {
			return file.Close()
		}
		if first == nil {
			first = err
		}
	}
	return fault.Wrap(first, fault.Invalid, "kubeconfig "+list, "cannot be read")
}
