// Package hosts knows every name the emulator answers to, and which of its services a name belongs to. It is the one
// list that routing, certificates, the proxy and the emulator's own clients go by; a name that is not in it gets no
// certificate, no tunnel and no answer.
package hosts

import (
	"net"
	"slices"
	"strings"

	"strongroom/internal/emulator/faults"
)

// The emulator's own names. ".localhost" is loopback everywhere by RFC 6761, so they can never leave the machine.
const (
	Login       = "login.azure.localhost"
	Manager     = "management.azure.localhost"
	Graph       = "graph.azure.localhost"
	Issuer      = "issuer.azure.localhost"
	TokenProxy  = "tokenproxy.azure.localhost"
	VaultSuffix = "vault.azure.localhost"
)

// proxySuffix ends the TLS server names that a cluster's token proxy goes by.
const proxySuffix = ".ests.aks"

// Place is where a name leads. Vault is set for KeyVault alone, in lower case.
type Place struct {
	Service faults.Service
	Vault   string
}

// cloud is a public cloud: the suffix of its vaults, the login name its services point to, its resource manager, and the
// older name that tokens for the resource manager are still asked for by, and its Graph.
type cloud struct{ suffix, login, manager, classic, graph string }

func clouds() []cloud {
	return []cloud{
		{"vault.azure.net", "login.microsoftonline.com", "management.azure.com", "management.core.windows.net", "graph.microsoft.com"},
		{"vault.usgovcloudapi.net", "login.microsoftonline.us", "management.usgovcloudapi.net", "management.core.usgovcloudapi.net", "graph.microsoft.us"},
		{"vault.azure.cn", "login.chinacloudapi.cn", "management.chinacloudapi.cn", "management.core.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"},
		{"vault.microsoftazure.de", "login.microsoftonline.de", "management.microsoftazure.de", "management.core.cloudapi.de", "graph.microsoft.de"},
	}
}

// publicLogins are the names Entra is known by in public.
func publicLogins() []string {
	return []string{
		"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net",
		"login.microsoftonline.us", "login-us.microsoftonline.com", "login.usgovcloudapi.net",
		"login.chinacloudapi.cn", "login.partner.microsoftonline.cn", "login.microsoftonline.de",
	}
}

// Locate finds the service behind a name, with or without a port, in any case.
func Locate(host string) (Place, bool) {
	name := Name(host)
	switch {
	case name == Login || slices.Contains(publicLogins(), name):
		return Place{Service: faults.Entra}, true
	case name == Issuer:
		return Place{Service: faults.Issuer}, true
	case name == TokenProxy || label(name, proxySuffix[1:]) != "":
		return Place{Service: faults.TokenProxy}, true
	case name == Manager || managed(name) != (cloud{}):
		return Place{Service: faults.ARM}, true
	case name == Graph || graphed(name) != (cloud{}):
		return Place{Service: faults.Graph}, true
	}
	if vault := label(name, VaultSuffix); vault != "" {
		return Place{faults.KeyVault, vault}, true
	}
	for _, c := range clouds() {
		if vault := label(name, c.suffix); vault != "" {
			return Place{faults.KeyVault, vault}, true
		}
	}
	return Place{}, false
}

// PublicLogin is the login name that a vault or resource manager under a public name points its clients to; empty for
// the emulator's own names.
func PublicLogin(host string) string {
	for _, c := range clouds() {
		if name := Name(host); name == c.manager || label(name, c.suffix) != "" {
			return c.login
		}
	}
	return ""
}

// ManagerAudiences is what a token for the resource manager at host may be for, without trailing slashes: the two names
// of its cloud, and for the emulator's own the public cloud's two and itself, with the port if the host has one.
func ManagerAudiences(host string) []string {
	c := managed(Name(host))
	if c != (cloud{}) {
		return []string{"https://" + c.classic, "https://" + c.manager}
	}
	return append(ManagerAudiences(clouds()[0].manager), "https://"+strings.ToLower(host))
}

// graphID is what Graph's application is known by in every cloud; tokens may name it too.
const graphID = "00000003-0000-0000-c000-000000000000"

// GraphAudiences is the same for the Graph at host: its cloud's name, for the emulator's own the public cloud's and itself.
func GraphAudiences(host string) []string {
	if c := graphed(Name(host)); c != (cloud{}) {
		return []string{"https://" + c.graph, graphID}
	}
	return append(GraphAudiences(clouds()[0].graph), "https://"+strings.ToLower(host))
}

func graphed(name string) cloud {
	for _, c := range clouds() {
		if name == c.graph {
			return c
		}
	}
	return cloud{}
}

// VaultsOf is the suffix of the vaults that belong to the resource manager at host, with the port if the host has one.
func VaultsOf(host string) string {
	c := managed(Name(host))
	if c != (cloud{}) {
		return c.suffix
	}
	if _, port, err := net.SplitHostPort(host); err == nil {
		return net.JoinHostPort(VaultSuffix, port)
	}
	return VaultSuffix
}

// managed is the public cloud whose resource manager has that name; the zero cloud when there is none.
func managed(name string) cloud {
	for _, c := range clouds() {
		if name == c.manager {
			return c
		}
	}
	return cloud{}
}

// Name is the host without port or trailing dot, in lower case.
func Name(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// label is the single label before the suffix; empty when there is none or more than one.
func label(name, suffix string) string {
	first, rest, _ := strings.Cut(name, ".")
	if rest != suffix {
		return ""
	}
	return first
}
