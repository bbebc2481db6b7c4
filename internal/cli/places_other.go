//go:build !windows

package cli

// Where sockets are, unless somebody says otherwise.
const (
	csiEndpoint      = "unix:///tmp/csi.sock"
	providerEndpoint = "unix:///tmp/azure.sock"
	hostCSISocket    = "/var/lib/kubelet/plugins/csi-secrets-store/csi.sock"
	providerDir      = "/var/run/secrets-store-csi-providers"
	moreProviderDirs = "/etc/kubernetes/secrets-store-csi-providers"
)
