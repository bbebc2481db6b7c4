package emulator

import (
	"errors"
	"fmt"
	"slices"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/state"
	"strongroom/internal/emulator/tokenproxy"
	"strongroom/internal/fault"
)

// exchangeAudience is what federated credentials are for when the document does not say.
const exchangeAudience = "api://AzureADTokenExchange"

// apply puts the document into the services, and collects what each of them has against it under its path.
func (e *Emulator) apply(stored stored) error {
	p := &problems{}
	d := e.config.Document
	for i, t := range d.Tenants {
		_, err := e.directory.AddTenant(t)
		p.add(err, "tenants[%d]", i)
	}
	if len(*p) > 0 { // without tenants everything else fails too, and says nothing new
		return p.err()
	}
	e.addPrincipals(d, p)
	e.addMachines(d, p)
	e.addGround(d, p)
	if len(stored.Vaults) > 0 {
		p.add(e.vaults.Import(stored.Vaults), "state file "+e.config.StateFile)
	}
	for i, v := range d.Vaults {
		e.addVault(v, fmt.Sprintf("vaults[%d]", i), p)
	}
	bound := podBindings(slices.Clone(d.PodBindings))
	e.pods.Store(&bound)
	for i, b := range d.IdentityBindings {
		p.add(e.bind(b), "identityBindings[%d]", i)
	}
	e.faults.Set(d.Faults)
	return p.err()
}

func (e *Emulator) addPrincipals(d state.Document, p *problems) {
	for i, a := range d.Applications {
		a.Federated = e.completed(a.Federated)
		_, err := e.directory.AddApplication(a)
		p.add(err, "applications[%d]", i)
	}
	for i, m := range d.Identities {
		m.Federated = e.completed(m.Federated)
		_, err := e.directory.AddIdentity(m)
		p.add(err, "identities[%d]", i)
	}
}

// completed fills in what a federated credential leaves out: the emulator's own issuer, whose port is not known when a
// document is written, and the usual audience.
func (e *Emulator) completed(list []entra.FederatedCredential) []entra.FederatedCredential {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Issuer == "" {
			list[i].Issuer = e.endpoints.Issuer
		}
		if list[i].Audience == "" {
			list[i].Audience = exchangeAudience
		}
	}
	return list
}

func (e *Emulator) tenantOf(v state.Vault) (entra.Tenant, error) {
	tenants := e.directory.Tenants()
	if v.TenantID == "" && len(tenants) == 1 {
		return tenants[0], nil
	}
	if t, known := e.directory.Tenant(v.TenantID); known {
		return t, nil
	}
	return entra.Tenant{}, notTenant()
}

func notTenant() error {
	return fault.New(fault.Invalid, "", "must be one of the document's tenants, by id or domain")
}

// objectID is whom a permission is for. The reference was checked; what the directory does not know is the object id
// of somebody elsewhere.
func (e *Emulator) objectID(ref string) string {
	if p, known := e.directory.Find(ref); known {
		return p.ObjectID
	}
	return ref
}

func (e *Emulator) bind(b state.IdentityBinding) error {
	identity, known := e.directory.Find(b.Identity)
	if !known {
		return fault.New(fault.Invalid, "identity "+b.Identity, "is not in the directory")
	}
	return e.proxy.Bind(tokenproxy.Binding{ClientID: identity.ClientID, Namespace: b.Namespace, Account: b.ServiceAccount})
}

// problems collects faults under the paths they belong to.
type problems fault.List

func (p *problems) add(err error, path string, args ...any) {
	if err == nil {
		return
	}
	path = fmt.Sprintf(path, args...)
	var list fault.List
	if !errors.As(err, &list) {
		*p = append(*p, under(path, err))
		return
	}
	for _, one := range list {
		*p = append(*p, under(path, one))
	}
}

func under(path string, err error) *fault.Error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return fault.Wrap(err, fault.Invalid, path, "cannot be set up")
	}
	moved := *e
	moved.Subject = path
	if e.Subject != "" {
		moved.Subject += ": " + e.Subject
	}
	return &moved
}

func (p *problems) err() error { return fault.List(*p).AsError() }
