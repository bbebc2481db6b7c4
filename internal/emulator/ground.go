package emulator

import (
	"strings"

	"strongroom/internal/emulator/arm/clusters"
	"strongroom/internal/emulator/arm/groups"
	"strongroom/internal/emulator/state"
)

// addGround gives the resource manager what else is declared for it: subscriptions with empty groups, and clusters.
func (e *Emulator) addGround(d state.Document, p *problems) {
	for i, s := range d.Subscriptions {
		tenant := ""
		if s.TenantID != "" {
			t, known := e.directory.Tenant(s.TenantID)
			if !known {
				p.add(notTenant(), "subscriptions[%d].tenantId", i)
			}
			tenant = t.ID
		}
		e.manager.Groups().Add(groups.Subscription{ID: s.ID, Name: s.Name, TenantID: tenant}, s.ResourceGroups...)
	}
	for i, c := range d.Clusters {
		p.add(e.manager.Clusters().Add(clusters.Cluster{
			Subscription: c.Subscription, Group: c.ResourceGroup, Name: c.Name, NodeGroup: c.NodeResourceGroup, Version: c.KubernetesVersion,
			Identity: c.Identity, KubeletIdentity: c.KubeletIdentity, AddonIdentity: c.AddonIdentity, ServicePrincipal: c.ServicePrincipal,
			Issuer: c.Issuer, WorkloadIdentity: c.WorkloadIdentity, PodIdentity: c.PodIdentity,
		}), "clusters[%d]", i)
	}
}

// scopeOf is the resource id that a role's scope stands for. That it stands for one thing was checked.
func (e *Emulator) scopeOf(scope string, d state.Document, list []machine) string {
	if strings.HasPrefix(scope, "/") {
		return scope
	}
	for _, m := range list {
		if m.resource.Name == scope {
			return m.resource.ID()
		}
	}
	for _, v := range d.Vaults {
		if v.Name == scope {
			return vaultID(v)
		}
	}
	identity, _ := e.directory.Find(scope)
	return identity.ResourceID
}
