package entra

import (
	"net/url"
	"strings"
)

// resourceSet is the names tokens may be asked for, normalised: lower case, no trailing slash.
type resourceSet map[string]struct{}

// newResourceSet is the well-known first-party resources of the public clouds, and more.
func newResourceSet(more []string) resourceSet {
	set := resourceSet{}
	for _, name := range append([]string{
		"https://vault.azure.net", "https://vault.usgovcloudapi.net", "https://vault.azure.cn",
		"https://vault.microsoftazure.de", "https://managedhsm.azure.net", "https://vault.azure.localhost",
		"https://management.azure.com", "https://management.core.windows.net",
		"https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net",
		"https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn",
		"https://management.microsoftazure.de", "https://management.core.cloudapi.de", "https://management.azure.localhost",
		"https://graph.microsoft.com", "https://graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn",
		"https://graph.microsoft.de", "https://graph.azure.localhost", "https://graph.windows.net", "https://storage.azure.com",
		"cfa8b339-82a2-471a-a3c9-0fc0be7a4093", // Key Vault
		"797f4846-ba00-4fd7-ba43-dac1f8f63013", // ARM
		"00000003-0000-0000-c000-000000000000", // Graph
		"e406a681-f3d4-42a8-90b6-c2b029497af1", // Storage
	}, more...) {
		set[normalResource(name)] = struct{}{}
	}
	return set
}

// has reports whether name is in the set, with its port or without.
func (s resourceSet) has(name string) bool {
	name = normalResource(name)
	if _, ok := s[name]; ok {
		return true
	}
	u, err := url.Parse(name)
	if err != nil || u.Port() == "" {
		return false
	}
	u.Host = u.Hostname()
	_, ok := s[u.String()]
	return ok
}

func normalResource(name string) string { return strings.ToLower(strings.TrimRight(name, "/")) }

// KnowsResource reports whether tokens may be asked for resource.
func (d *Directory) KnowsResource(resource string) bool { return d.resources.has(resource) }
