package cli

// Where sockets are, unless somebody says otherwise: the places that the charts of the replaced programs have for Windows.
const (
	csiEndpoint      = `unix://C:\csi\csi.sock`
	providerEndpoint = `unix://C:\provider\azure.sock`
	hostCSISocket    = `C:\var\lib\kubelet\plugins\csi-secrets-store\csi.sock`
	providerDir      = `C:\k\secrets-store-csi-providers`
	moreProviderDirs = ``
)
