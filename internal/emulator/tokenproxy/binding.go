package tokenproxy

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/fault"
)

// credentialName is the federated credential every bound identity carries.
const credentialName = "identity-binding"

// Binding lets service accounts use a managed identity through the proxy.
type Binding struct {
	ClientID  string `yaml:"clientId"`       // of a user-assigned identity
	Namespace string `yaml:"namespace"`      // "*" is any
	Account   string `yaml:"serviceAccount"` // "*" is any
}

// Bind allows service accounts the use of an identity, and gives the identity the one federated credential it needs for
// that. A binding that exists already changes nothing. NotFound when there is no such identity, Invalid when it is not
// user-assigned, a name is empty, or it has no room for another credential.
func (p *Proxy) Bind(b Binding) error {
	subject := "identity binding " + b.ClientID
	if b.Namespace == "" || b.Account == "" {
		return fault.New(fault.Invalid, subject, "needs a namespace and a service account")
	}
	identity, ok := p.directory.Find(b.ClientID)
	if !ok {
		return fault.New(fault.NotFound, subject, "the identity is not in the directory")
	}
	if identity.Kind != entra.KindUserAssigned {
		return fault.New(fault.Invalid, subject, "%s is not a user-assigned identity", identity.Name)
	}
	b.ClientID = identity.ClientID
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.bindings, b) {
		return nil
	}
	if !boundIn(p.bindings, b.ClientID) {
		if err := p.trust(b.ClientID); err != nil {
			return err
		}
	}
	p.bindings = append(slices.Clone(p.bindings), b)
	return nil
}

// trust makes the identity accept the proxy's assertions. A credential of an earlier run, whose port was another, is
// replaced.
func (p *Proxy) trust(clientID string) error {
	want := entra.FederatedCredential{
		Name: credentialName, Issuer: p.issuer.URL(), Subject: accountOf(clientID).Subject(), Audience: exchangeAudience,
	}
	if err := p.directory.RemoveFederated(clientID, credentialName); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	return p.directory.AddFederated(clientID, want)
}

// Unbind takes a binding back and reports whether there was one. With its last binding an identity loses the federated
// credential too.
func (p *Proxy) Unbind(b Binding) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(p.bindings), func(other Binding) bool {
		return strings.EqualFold(other.ClientID, b.ClientID) && other.Namespace == b.Namespace && other.Account == b.Account
	})
	if len(kept) == len(p.bindings) {
		return false
	}
	p.bindings = kept
	if !boundIn(kept, b.ClientID) {
		_ = p.directory.RemoveFederated(b.ClientID, credentialName) // gone already is as good
	}
	return true
}

func boundIn(bindings []Binding, clientID string) bool {
	return slices.ContainsFunc(bindings, func(b Binding) bool { return strings.EqualFold(b.ClientID, clientID) })
}

// Bindings lists them in the order they were made.
func (p *Proxy) Bindings() []Binding {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.bindings)
}

func (p *Proxy) allows(clientID string, a issuer.Account) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.ContainsFunc(p.bindings, func(b Binding) bool {
		return strings.EqualFold(b.ClientID, clientID) && admits(b.Namespace, a.Namespace) && admits(b.Account, a.Name)
	})
}

func admits(pattern, name string) bool { return pattern == "*" || pattern == name }
