package clusters

import (
	"cmp"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

type body struct {
	wire.Resource
	SKU        map[string]string `json:"sku"`
	Identity   any               `json:"identity,omitempty"`
	Properties map[string]any    `json:"properties"`
}

// who is an identity as profiles and add-ons show it.
type who struct {
	ResourceID string `json:"resourceId"`
	ClientID   string `json:"clientId"`
	ObjectID   string `json:"objectId"`
}

// addon is the name of the add-on that mounts secrets.
const addon = "azureKeyvaultSecretsProvider"

func (s *Server) document(c Cluster) body {
	properties := map[string]any{
		"provisioningState": "Succeeded", "powerState": map[string]string{"code": "Running"},
		"kubernetesVersion": c.Version, "currentKubernetesVersion": c.Version, "dnsPrefix": c.Name, "fqdn": c.Name + ".hcp.local.azmk8s.io",
		"nodeResourceGroup": c.NodeGroup, "enableRBAC": true, "agentPoolProfiles": []any{},
		"networkProfile":          map[string]string{"networkPlugin": "azure"},
		"servicePrincipalProfile": map[string]string{"clientId": s.servicePrincipal(c)},
		"oidcIssuerProfile":       map[string]any{"enabled": c.Issuer != "", "issuerURL": c.Issuer},
		"securityProfile":         map[string]any{"workloadIdentity": map[string]bool{"enabled": c.WorkloadIdentity}},
		"podIdentityProfile":      map[string]any{"enabled": c.PodIdentity},
		"addonProfiles":           s.addons(c),
	}
	if p, known := s.config.Directory.Find(c.KubeletIdentity); known {
		properties["identityProfile"] = map[string]who{"kubeletidentity": whoIs(p)}
	}
	return body{Resource: c.resource(), SKU: map[string]string{"name": "Base", "tier": "Free"}, Identity: s.identity(c), Properties: properties}
}

func whoIs(p entra.Principal) who { return who{p.ResourceID, p.ClientID, p.ObjectID} }

// servicePrincipal is "msi" for a cluster that goes by its identity.
func (s *Server) servicePrincipal(c Cluster) string {
	p, _ := s.config.Directory.Find(c.ServicePrincipal)
	return cmp.Or(p.ClientID, "msi")
}

func (s *Server) addons(c Cluster) map[string]any {
	p, known := s.config.Directory.Find(c.AddonIdentity)
	if !known {
		return map[string]any{}
	}
	return map[string]any{addon: map[string]any{
		"enabled": true, "config": map[string]string{"enableSecretRotation": "false", "rotationPollInterval": "2m"}, "identity": whoIs(p)}}
}

func (s *Server) identity(c Cluster) any {
	p, known := s.config.Directory.Find(c.Identity)
	switch {
	case !known:
		return nil
	case p.Kind == entra.KindSystemAssigned:
		return map[string]any{"type": "SystemAssigned", "principalId": p.ObjectID, "tenantId": p.TenantID}
	}
	return map[string]any{"type": "UserAssigned", "userAssignedIdentities": map[string]any{
		p.ResourceID: map[string]string{"clientId": p.ClientID, "principalId": p.ObjectID}}}
}
