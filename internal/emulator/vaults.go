package emulator

import (
	"cmp"
	"fmt"

	"strongroom/internal/emulator/access"
	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/arm/vaults"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/hosts"
	"strongroom/internal/emulator/state"
)

// addVault makes a declared vault as the resource manager would, gives it what it is declared to hold, and its roles.
func (e *Emulator) addVault(v state.Vault, path string, p *problems) {
	tenant, err := e.tenantOf(v)
	p.add(err, path+".tenantId")
	made := vaults.Vault{
		ResourceID: vaultID(v), Name: v.Name, TenantID: tenant.ID, RBAC: v.Authorization == state.ByRBAC, Firewall: v.Firewall == state.Deny,
		RetentionDays: v.Traits.RetentionDays, PurgeProtection: v.Traits.PurgeProtection,
	}
	for _, policy := range v.Policies {
		made.Policies = append(made.Policies, vaults.Policy{TenantID: tenant.ID, ObjectID: e.objectID(policy.Principal),
			Permissions: vaults.Permissions{Secrets: policy.Secrets, Keys: policy.Keys, Certificates: policy.Certificates}})
	}
	for i, assignment := range v.RoleAssignments {
		role, err := access.FindRole(assignment.Role)
		p.add(err, "%s.roleAssignments[%d]", path, i)
		scope := made.ResourceID
		if assignment.Scope != "" {
			scope += "/" + assignment.Scope
		}
		e.manager.Grant(arm.Assignment{ObjectID: e.objectID(assignment.Principal), Role: role, Scope: scope})
	}
	p.add(e.fillVault(v, made), path)
}

// fillVault puts the declared objects into a vault, unless the state file held it: what was stored wins as a whole,
// because seeding again would bring back what somebody deleted.
func (e *Emulator) fillVault(v state.Vault, made vaults.Vault) error {
	held := e.vaults.HasVault(v.Name)
	if err := e.manager.Vaults().Add(made); err != nil {
		return err
	}
	if err := e.vaults.Shape(v.Name, v.Traits); err != nil || held {
		return err
	}
	return e.vaults.Seed(v.Name, v.Objects)
}

// vaultID is where a declared vault is.
func vaultID(v state.Vault) string {
	group := cmp.Or(v.Place.ResourceGroup, arm.DefaultGroup)
	return cmp.Or(v.ResourceID, wire.ID(cmp.Or(v.Place.Subscription, arm.DefaultSubscription), group, "Microsoft.KeyVault/vaults", v.Name))
}

// plane lets the resource manager open vaults, and say what they let in.
type plane struct{ *Emulator }

func (e plane) Put(v vaults.Vault) error {
	known := e.vaults.HasVault(v.Name)
	e.vaults.AddVault(v.Name)
	traits, err := e.vaults.Traits(v.Name)
	if err != nil {
		return err
	}
	traits.RetentionDays, traits.PurgeProtection = v.RetentionDays, v.PurgeProtection
	if err := e.vaults.Shape(v.Name, traits); err != nil {
		if !known {
			e.vaults.RemoveVault(v.Name)
		}
		return err
	}
	rules := access.Rules{TenantID: v.TenantID, RBAC: v.RBAC, Firewall: v.Firewall, ResourceID: v.ResourceID}
	for _, p := range v.Policies {
		rules.Policies = append(rules.Policies, access.Policy{ObjectID: p.ObjectID,
			Secrets: p.Permissions.Secrets, Keys: p.Permissions.Keys, Certificates: p.Permissions.Certificates})
	}
	e.guard.Set(v.Name, rules)
	e.changed.Store(true)
	return nil
}

func (e plane) Hide(name string) { e.guard.Remove(name) }

func (e plane) Forget(name string) {
	e.guard.Remove(name)
	e.vaults.RemoveVault(name)
	e.changed.Store(true)
}

func (e plane) URI(host, name string) string {
	return fmt.Sprintf("https://%s.%s/", name, hosts.VaultsOf(host))
}
