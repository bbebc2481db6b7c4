package secret

import "fmt"

// Mode is how a volume proves who it is to Azure.
type Mode string

// The identity modes a SecretProviderClass can select.
const (
	ServicePrincipal Mode = "service-principal"
	WorkloadIdentity Mode = "workload-identity"
	ManagedIdentity  Mode = "managed-identity"
	PodIdentity      Mode = "pod-identity"
	IdentityBinding  Mode = "identity-binding"
)

// Principal is who Azure sees, together with what proved it. It is the key under which tokens, answers and last known
// good content may be shared: two volumes share exactly when their principals are equal, so every field that could
// make Azure answer differently must be in it. It is comparable and holds nothing secret.
type Principal struct {
	Mode      Mode
	Cloud     string // name of the cloud, or of the custom environment
	Authority string // token authority after resolution, e.g. https://login.microsoftonline.com
	Tenant    string
	Client    string // application or client id; empty for a system-assigned identity
	// Evidence is what stood for the credential: issuer, subject and audience of a service account token, or a keyed
	// hash of a service principal's secret. Empty where the node itself is the proof (managed identity).
	Evidence string
}

// String names the identity for people: mode and client, never the evidence.
func (p Principal) String() string {
	if p.Client == "" {
		return fmt.Sprintf("%s (system-assigned)", p.Mode)
	}
	return fmt.Sprintf("%s (client id %s)", p.Mode, p.Client)
}
