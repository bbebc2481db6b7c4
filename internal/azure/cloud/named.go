package cloud

import (
	"strings"

	"strongroom/internal/fault"
)

// Canonical names, as a class's cloudName spells them.
const (
	Public       = "AzurePublicCloud"
	USGovernment = "AzureUSGovernmentCloud"
	China        = "AzureChinaCloud"
	German       = "AzureGermanCloud"
	// Stack stands for a custom environment, whose endpoints are in a file.
	Stack = "AzureStackCloud"
)

// Named is the cloud of a name, in any case; an empty name is the public cloud. The name Stack fails as every unknown
// one does, with its own remedy: its endpoints come from a document (Parse). Errors are of kind Invalid.
func Named(name string) (Cloud, error) {
	canonical, ok := Canonical(name)
	switch {
	case !ok:
		return Cloud{}, fault.New(fault.Invalid, "cloud "+fault.Shorten(name), "there is no cloud of that name").
			Mend("use one of %s, %s, %s, %s", Public, USGovernment, China, Stack)
	case canonical == Stack:
		return Cloud{}, fault.New(fault.Invalid, "cloud "+Stack, "needs a file that describes it").
			Mend("set cloudEnvFileName to the name of a file with the cloud's endpoints")
	}
	return table(canonical), nil
}

// Canonical is the canonical spelling of a cloud's name or alias; empty means Public. ok is false for a name nobody
// knows.
func Canonical(name string) (canonical string, ok bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", "azurepubliccloud", "azurecloud":
		return Public, true
	case "azureusgovernmentcloud", "azureusgovernment":
		return USGovernment, true
	case "azurechinacloud":
		return China, true
	case "azuregermancloud":
		return German, true
	case "azurestackcloud":
		return Stack, true
	}
	return "", false
}

func table(canonical string) Cloud {
	switch canonical {
	case USGovernment:
		return known(USGovernment, "login.microsoftonline.us", "vault.usgovcloudapi.net", "usgovcloudapi.net", "usgovcloudapi.net")
	case China:
		return known(China, "login.chinacloudapi.cn", "vault.azure.cn", "chinacloudapi.cn", "chinacloudapi.cn")
	case German:
		return known(German, "login.microsoftonline.de", "vault.microsoftazure.de", "microsoftazure.de", "cloudapi.de")
	}
	return known(Public, "login.microsoftonline.com", "vault.azure.net", "azure.com", "windows.net")
}

// known has the control plane below one domain and its audience below another.
func known(name, login, vault, manager, core string) Cloud {
	return Cloud{
		Name:            name,
		Authority:       "https://" + login,
		VaultSuffix:     vault,
		VaultResource:   "https://" + vault,
		ResourceManager: "https://management." + manager,
		ManagerResource: "https://management.core." + core,
	}
}
