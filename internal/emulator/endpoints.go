package emulator

import (
	"encoding/json"

	"strongroom/internal/emulator/hosts"
)

// Endpoints are where everything is, for people and programs. URLs have no trailing slash.
type Endpoints struct {
	Authority     string `json:"authority"`     // of tokens; a tenant follows as path
	VaultSuffix   string `json:"vaultSuffix"`   // e.g. "vault.azure.localhost:41233"
	VaultResource string `json:"vaultResource"` // what vault tokens are for
	// ResourceManager is where machines and their identities are; tokens for it may name it, or the public cloud's.
	ResourceManager string            `json:"resourceManager"`
	Graph           string            `json:"graph"`      // without a version
	Issuer          string            `json:"issuer"`     // of the stand-in cluster's service account tokens
	TokenProxy      string            `json:"tokenProxy"` // for identity binding
	Proxy           string            `json:"proxy"`      // a value for HTTPS_PROXY
	Control         string            `json:"control"`    // with the path /_emulator/
	NMI             string            `json:"nmi"`        // host endpoint of pod identity
	IMDS            map[string]string `json:"imds"`       // by node
}

func endpointsOf(l *listeners) Endpoints {
	port := l.port()
	e := Endpoints{
		Authority:       "https://" + hosts.Login + port,
		VaultSuffix:     hosts.VaultSuffix + port,
		VaultResource:   "https://" + hosts.VaultSuffix + port,
		ResourceManager: "https://" + hosts.Manager + port,
		Graph:           "https://" + hosts.Graph + port,
		Issuer:          "https://" + hosts.Issuer + port,
		TokenProxy:      "https://" + hosts.TokenProxy + port,
		Proxy:           "http://" + reach(l.proxy),
		Control:         "http://" + reach(l.control),
		NMI:             "http://" + reach(l.nmi),
		IMDS:            map[string]string{},
	}
	for node, imds := range l.imds {
		e.IMDS[node] = "http://" + reach(imds)
	}
	return e
}

// Endpoints tells where everything is, from New on.
func (e *Emulator) Endpoints() Endpoints { return e.endpoints }

// VaultURL is a vault's address under the emulator's own suffix, without trailing slash.
func (e *Emulator) VaultURL(name string) string {
	return "https://" + name + "." + e.endpoints.VaultSuffix
}

// CloudFile is a custom cloud environment in the JSON form that Azure Stack made known: a file to name in a class's
// cloudEnvFileName.
func (e *Emulator) CloudFile() []byte {
	text, err := json.MarshalIndent(map[string]string{
		"name":                    "AzureStackCloud",
		"activeDirectoryEndpoint": e.endpoints.Authority + "/",
		"keyVaultEndpoint":        e.endpoints.VaultResource + "/",
		"keyVaultDNSSuffix":       e.endpoints.VaultSuffix,
		"resourceManagerEndpoint": e.endpoints.ResourceManager + "/",
	}, "", "  ")
	if err != nil { // a map of strings always encodes
		panic(err)
	}
	return append(text, '\n')
}
