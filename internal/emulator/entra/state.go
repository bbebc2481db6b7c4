package entra

// State is a directory at rest: the state file, or the part of a declarative one that says who exists. The signing key
// is not in it; tokens do not outlive the process that issued them.
type State struct {
	Tenants      []Tenant      `yaml:"tenants,omitempty"`
	Applications []Application `yaml:"applications,omitempty"`
	Identities   []Identity    `yaml:"identities,omitempty"`
}

// Export is everything the directory holds, client secrets in clear.
func (d *Directory) Export() State {
	return State{Tenants: d.Tenants(), Applications: d.Applications(), Identities: d.Identities()}
}

// Import adds everything in s to the directory and stops at the first entry that breaks a rule; what came before it
// stays.
func (d *Directory) Import(s State) error {
	for _, t := range s.Tenants {
		if _, err := d.AddTenant(t); err != nil {
			return err
		}
	}
	for _, a := range s.Applications {
		if _, err := d.AddApplication(a); err != nil {
			return err
		}
	}
	for _, i := range s.Identities {
		if _, err := d.AddIdentity(i); err != nil {
			return err
		}
	}
	return nil
}
