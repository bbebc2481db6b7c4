package groups

import (
	"cmp"
	"net/http"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// top answers what stands above subscriptions. Whoever asks sees those where it has any role, and the tenants it could be in.
func (g *Groups) top(q wire.Request) *wire.Answer {
	switch {
	case len(q.Path.Rest) != 1:
	case q.Method != http.MethodGet:
		return wire.NoMethod(q.Method)
	case q.Path.Is(0, "subscriptions"):
		return g.subscriptionsOf(q)
	case q.Path.Is(0, "tenants"):
		return g.tenantsOf(q)
	case q.Path.Is(0, "providers"):
		return g.providers(q)
	}
	return wire.NotFound("InvalidResourceType", "The resource type could not be found.")
}

func (g *Groups) subscriptionsOf(q wire.Request) *wire.Answer {
	g.look()
	var list []map[string]any
	for _, s := range g.all() {
		if g.config.Rights.Concerned(q.ObjectID, "/subscriptions/"+s.ID) {
			list = append(list, s.document(q.TenantID))
		}
	}
	return wire.List(list)
}

func (g *Groups) all() []Subscription {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Subscription
	for _, s := range g.subscriptions {
		list = append(list, s.Subscription)
	}
	return list
}

// showSubscription refuses whoever has nothing to do with it as if it were not there, as Azure does.
func (g *Groups) showSubscription(q wire.Request) *wire.Answer {
	s, no := g.subscription(q.Path.Subscription)
	switch {
	case no != nil:
		return no
	case !g.config.Rights.Concerned(q.ObjectID, "/subscriptions/"+s.ID):
		return g.config.Rights.Authorize(q.Caller, "Microsoft.Resources/subscriptions/read", q.Path.Scope)
	}
	g.mu.Lock()
	told := s.Subscription
	g.mu.Unlock()
	return wire.OK(told.document(q.TenantID))
}

func (s Subscription) document(callersTenant string) map[string]any {
	tenant := cmp.Or(s.TenantID, callersTenant)
	return map[string]any{
		"id": "/subscriptions/" + s.ID, "subscriptionId": s.ID, "displayName": cmp.Or(s.Name, "Emulator "+s.ID[:8]), "state": "Enabled",
		"tenantId": tenant, "homeTenantId": tenant, "managedByTenants": []any{}, "authorizationSource": "RoleBased",
		"subscriptionPolicies": map[string]string{"locationPlacementId": "Internal_2014-09-01", "quotaId": "Internal_2014-09-01", "spendingLimit": "Off"},
	}
}

// tenantsOf is the caller's own tenant: whoever asks is a service principal, which lives in one.
func (g *Groups) tenantsOf(q wire.Request) *wire.Answer {
	var list []map[string]any
	for _, t := range g.config.Directory.Tenants() {
		if t.ID == q.TenantID {
			list = append(list, tenantBody(t))
		}
	}
	return wire.List(list)
}

func tenantBody(t entra.Tenant) map[string]any {
	domains := []string{}
	if t.Domain != "" {
		domains = append(domains, t.Domain)
	}
	return map[string]any{
		"id": "/tenants/" + t.ID, "tenantId": t.ID, "tenantCategory": "Home", "displayName": cmp.Or(t.Domain, t.ID),
		"defaultDomain": t.Domain, "domains": domains, "countryCode": "US",
	}
}
