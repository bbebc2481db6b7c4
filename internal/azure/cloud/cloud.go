// Package cloud knows Azure's clouds: where tokens come from, where vaults live and which audiences they expect. It
// is a table and two parsers: a name (Named) or a custom environment document (Parse) becomes a Cloud or an
// *fault.Error of kind Invalid. It reads no file and no environment variable, so two mounts with two custom clouds
// cannot see each other.
package cloud

import (
	"net/url"
	"strings"
)

// Cloud is one Azure: its endpoints, none of them with a trailing slash. The zero value is no cloud.
type Cloud struct {
	// Name is the canonical name (AzurePublicCloud), or what a custom environment calls itself.
	Name string
	// Authority is where tokens are issued, e.g. https://login.microsoftonline.com.
	Authority string
	// VaultSuffix follows a vault's name in its host, e.g. vault.azure.net. It may carry a port.
	VaultSuffix string
	// VaultResource is the resource an access token for a vault is asked for, e.g. https://vault.azure.net.
	VaultResource string
	// ResourceManager is the control plane, e.g. https://management.azure.com. A custom environment may leave it
	// empty.
	ResourceManager string
	// ManagerResource is the resource an access token for the control plane is asked for, e.g.
	// https://management.core.windows.net. A custom environment may leave it empty together with ResourceManager.
	ManagerResource string
}

// VaultURL is the address of a vault: https://<name>.<suffix>, without a trailing slash. The host is in lower case,
// so that two spellings of one vault are one address. The name must have been checked by the caller.
func (c Cloud) VaultURL(name string) string {
	return "https://" + strings.ToLower(name+"."+c.VaultSuffix)
}

// PublicExchangeAudience is the audience a federated credential expects of a service account token, in the public
// cloud and wherever nothing else is documented.
const PublicExchangeAudience = "api://AzureADTokenExchange"

// exchangeAudience knows the exceptions by the host of the authority. The host decides rather than the name, so that a
// custom environment that points at a sovereign login gets that cloud's audience.
func exchangeAudience(host string) string {
	switch host {
	case "login.microsoftonline.us":
		return PublicExchangeAudience + "USGov"
	case "login.chinacloudapi.cn", "login.partner.microsoftonline.cn":
		return PublicExchangeAudience + "China"
	}
	return PublicExchangeAudience
}

// ExchangeAudience is the audience a service account token must have to be exchanged in this cloud.
func (c Cloud) ExchangeAudience() string {
	u, err := url.Parse(c.Authority)
	if err != nil {
		return PublicExchangeAudience
	}
	return exchangeAudience(strings.ToLower(u.Hostname()))
}

// ExchangeAudiences lists every audience that some cloud expects, the public one first.
func ExchangeAudiences() []string {
	return []string{PublicExchangeAudience, PublicExchangeAudience + "USGov", PublicExchangeAudience + "China"}
}
