package unixsock

import "strings"

// WindowsPath reads what stands after unix:// in an endpoint of a Windows node: C:\csi\csi.sock, with each backslash once
// or, as manifests have it, twice; the same with slashes; and /C:/csi/csi.sock, as a URI would have it.
func WindowsPath(address string) string {
	address = strings.ReplaceAll(address, "/", `\`)
	for strings.Contains(address, `\\`) {
		address = strings.ReplaceAll(address, `\\`, `\`)
	}
	bare := strings.TrimPrefix(address, `\`)
	if len(bare) > 1 && bare[1] == ':' {
		return bare
	}
	return `\` + bare
}

// IsPipe says whether an endpoint is a named pipe of Windows, which a kubelet does not speak CSI on.
func IsPipe(endpoint string) bool {
	scheme, _, _ := strings.Cut(endpoint, ":")
	return strings.EqualFold(scheme, "npipe") || strings.HasPrefix(strings.ReplaceAll(endpoint, `\`, "/"), "//./pipe/")
}
