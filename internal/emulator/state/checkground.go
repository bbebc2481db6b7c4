package state

import (
	"fmt"
	"strings"
)

// ground checks what resources stand on, and the clusters.
func (c *checker) ground() {
	for i, s := range c.document.Subscriptions {
		path := fmt.Sprintf("subscriptions[%d]", i)
		if !guid.MatchString(s.ID) {
			c.wrong(path+".id", "must be a GUID")
		}
		for j, group := range s.ResourceGroups {
			c.group(fmt.Sprintf("%s.resourceGroups[%d]", path, j), group)
		}
	}
	names := map[string]bool{}
	for i, one := range c.document.Clusters {
		path := fmt.Sprintf("clusters[%d]", i)
		c.machine(path, one.Name, one.Place, Assigned{}, names)
		c.group(path+".nodeResourceGroup", one.NodeResourceGroup)
		for _, principal := range []struct{ field, ref string }{
			{"identity", one.Identity}, {"kubeletIdentity", one.KubeletIdentity}, {"addonIdentity", one.AddonIdentity}, {"servicePrincipal", one.ServicePrincipal},
		} {
			if principal.ref != "" && !strings.HasPrefix(strings.ToLower(principal.ref), "/subscriptions/") {
				c.refers(path+"."+principal.field, principal.ref, false)
			}
		}
		if one.Issuer != "" && !strings.HasPrefix(one.Issuer, "https://") {
			c.wrong(path+".issuer", "must be an https URL")
		}
	}
}

func (c *checker) place(path string, p Place) {
	if p.Subscription != "" && !guid.MatchString(p.Subscription) {
		c.wrong(path+".subscription", "must be a GUID")
	}
	c.group(path+".resourceGroup", p.ResourceGroup)
}

func (c *checker) group(path, name string) {
	if name != "" && !groupName.MatchString(name) {
		c.wrong(path, "must be letters, digits, dashes, dots, underscores and parentheses, and not end with a dot")
	}
}
