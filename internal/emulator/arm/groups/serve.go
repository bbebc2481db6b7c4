package groups

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

// Serve answers what belongs to no provider: tenants, subscriptions, groups, locations, lists of resources, and of
// providers that there are such.
func (g *Groups) Serve(q wire.Request) *wire.Answer {
	p := q.Path
	switch {
	case p.Namespace != "":
		return g.provider(q)
	case p.Subscription == "":
		return g.top(q)
	case p.Group != "" && len(p.Rest) == 0:
		return g.group(q)
	case len(p.Rest) > 1:
		return wire.NotFound("InvalidResourceType", "The resource type could not be found.")
	case q.Method != http.MethodGet:
		return wire.NoMethod(q.Method)
	case len(p.Rest) == 0:
		return g.showSubscription(q)
	case p.Is(0, "resources"):
		return g.resources(q)
	case p.Group == "" && p.Is(0, "resourceGroups"):
		return g.list(q)
	case p.Group == "" && p.Is(0, "locations"):
		return wire.List([]any{locationOf(p.Subscription)})
	case p.Group == "" && p.Is(0, "providers"):
		return g.providers(q)
	}
	return wire.NotFound("InvalidResourceType", "The resource type could not be found.")
}

// resources lists those of every kind that the caller may read, in a subscription or a group.
func (g *Groups) resources(q wire.Request) *wire.Answer {
	if no := g.Find(q.Path.Subscription, q.Path.Group); no != nil {
		return no
	}
	scope := "/subscriptions/" + q.Path.Subscription
	if q.Path.Group != "" {
		scope += "/resourceGroups/" + q.Path.Group
	}
	list := []wire.Resource{}
	for _, r := range g.config.Resources() {
		matches, no := wire.Compare(q.Query.Get("$filter"), map[string]string{"resourcetype": r.Type, "name": r.Name, "location": r.Location})
		if no != nil {
			return no
		}
		if matches && wire.Covers(scope, r.ID) && g.config.Rights.Authorize(q.Caller, r.Type+"/read", r.ID) == nil {
			list = append(list, r)
		}
	}
	return wire.List(list)
}

// provider tells of a namespace that it is registered, whatever a client wants to do about that.
func (g *Groups) provider(q wire.Request) *wire.Answer {
	register := q.Method == http.MethodPost && q.Path.Is(0, "register")
	if len(q.Path.Rest) > 0 && !register || !register && q.Method != http.MethodGet {
		return wire.NoMethod(q.Method)
	}
	for namespace, types := range g.config.Types {
		if strings.EqualFold(namespace, q.Path.Namespace) {
			return wire.OK(providerOf(q.Path.Subscription, namespace, types))
		}
	}
	return wire.NotFound("InvalidResourceNamespace", "The resource namespace '%s' is invalid.", q.Path.Namespace)
}

func (g *Groups) providers(q wire.Request) *wire.Answer {
	var list []any
	for namespace, types := range g.config.Types {
		list = append(list, providerOf(q.Path.Subscription, namespace, types))
	}
	slices.SortFunc(list, func(a, b any) int {
		return cmp.Compare(a.(map[string]any)["namespace"].(string), b.(map[string]any)["namespace"].(string))
	})
	return wire.List(list)
}

// versions are what a client may choose from that asks for one; every date is taken anyway.
func versions() []string { return []string{"2024-11-01", "2023-07-01", "2022-04-01", "2019-12-01"} }

func providerOf(subscription, namespace string, types []string) map[string]any {
	list := []any{}
	for _, t := range types {
		list = append(list, map[string]any{"resourceType": t, "locations": []string{wire.Region}, "apiVersions": versions()})
	}
	id := "/providers/" + namespace
	if subscription != "" {
		id = "/subscriptions/" + subscription + id
	}
	return map[string]any{"id": id, "namespace": namespace, "registrationState": "Registered", "registrationPolicy": "RegistrationRequired", "resourceTypes": list}
}

func locationOf(subscription string) map[string]any {
	return map[string]any{
		"id": "/subscriptions/" + subscription + "/locations/" + wire.Region, "name": wire.Region, "type": "Region",
		"displayName": "Local", "regionalDisplayName": "Local",
		"metadata": map[string]any{"regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": "Local"},
	}
}
