package azure

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// prove says who the mount is and how long the proof lasts, without asking anybody: it looks at what was presented.
// Pod identity is the exception, see askNMI.
func (m *mount) prove() (share.Grant, error) {
	principal := secret.Principal{
		Mode:      m.plan.Identity.Mode,
		Cloud:     m.plan.cloud.Name,
		Authority: m.plan.cloud.Authority,
		Tenant:    m.plan.Tenant,
		Client:    m.plan.client(),
	}
	switch principal.Mode {
	case secret.WorkloadIdentity, secret.IdentityBinding:
		assertion := m.plan.Identity.Assertion
		principal.Evidence = fmt.Sprintf("%q %q %q", assertion.Issuer, assertion.Subject, assertion.Audience)
		return share.Grant{Principal: principal, Until: assertion.Expires}, m.inTime(assertion.NotBefore, assertion.Expires)
	case secret.ServicePrincipal:
		principal.Evidence = m.fingerprint()
	}
	return share.Grant{Principal: principal}, nil
}

// clockSkew is how far a token's start may lie in the future: clocks of node and API server differ by a little.
const clockSkew = 30 * time.Second

func (m *mount) inTime(notBefore, expires time.Time) error {
	const subject = "service account token"
	switch {
	case !m.began.Before(expires):
		return fault.New(fault.Expired, subject, "it expired at %s", expires.UTC().Format(time.RFC3339)).
			Mend("the kubelet sends a new one with its next call; if it does not, check requiresRepublish on CSIDriver secrets-store.csi.k8s.io")
	case !notBefore.IsZero() && m.began.Add(clockSkew).Before(notBefore):
		return fault.New(fault.Expired, subject, "it is not valid before %s; this node's clock says %s",
			notBefore.UTC().Format(time.RFC3339), m.began.UTC().Format(time.RFC3339)).Mend("correct the node's clock")
	}
	return nil
}

// fingerprint stands for a service principal's credential: keyed, so that it proves nothing to anybody else.
func (m *mount) fingerprint() string {
	mac := hmac.New(sha256.New, m.key[:])
	credential := m.plan.Identity.Credential
	for _, part := range []secret.Value{credential.Secret, credential.Certificate, credential.CertificatePassword} {
		fmt.Fprintf(mac, "%d:", part.Len())
		mac.Write(part.Reveal())
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// holderOf says whom the vault sees in a token that the pod identity daemon gave. The client id in the daemon's answer is
// not enough to share by: the application of that id has another object, with permissions of its own, in every tenant.
// Tokens are not bound to be readable; by one that is not, the client id counts alone.
func holderOf(got token.Token) string {
	h, readable := token.HolderOf(got.Value)
	if !readable {
		return ""
	}
	return fmt.Sprintf("%q %q %q", h.TenantID, h.ObjectID, h.ClientID)
}

// acquire asks for a token: exactly one request.
func (m *mount) acquire(ctx context.Context, claims string) (token.Token, error) {
	target := token.Target{
		Authority: m.plan.cloud.Authority,
		Tenant:    m.plan.Tenant,
		ClientID:  m.plan.client(),
		Resource:  m.plan.cloud.VaultResource,
		Claims:    claims,
	}
	began := m.Clock.Now()
	got, err := m.ask(ctx, target)
	m.tokenCalls.Add(1)
	if m.Observer != nil {
		m.Observer.Called(m.issuer(), "", m.Clock.Now().Sub(began), err)
	}
	return got, err
}

// issuer is who gives this mount's tokens, by the name the metrics use.
func (m *mount) issuer() string {
	switch m.plan.Identity.Mode {
	case secret.ManagedIdentity:
		return IMDS
	case secret.PodIdentity:
		return "nmi"
	case secret.IdentityBinding:
		return "tokenproxy"
	default:
		return "entra"
	}
}

func (m *mount) ask(ctx context.Context, target token.Target) (token.Token, error) {
	identity := m.plan.Identity
	switch identity.Mode {
	case secret.WorkloadIdentity:
		return m.Tokens.Federated(ctx, target, assertionOf(m.plan))
	case secret.IdentityBinding:
		return m.Tokens.Bound(ctx, target, assertionOf(m.plan))
	case secret.ManagedIdentity:
		return m.Tokens.Managed(ctx, target)
	case secret.PodIdentity:
		return m.Tokens.Pod(ctx, target, m.plan.Pod)
	case secret.ServicePrincipal:
		return m.askServicePrincipal(ctx, target)
	}
	return token.Token{}, fault.New(fault.Invalid, "identity", "no identity mode is enabled")
}

func (m *mount) askServicePrincipal(ctx context.Context, target token.Target) (token.Token, error) {
	credential := m.plan.Identity.Credential
	if credential.Certificate.Len() == 0 {
		return m.Tokens.ClientSecret(ctx, target, credential.Secret)
	}
	certificate, err := token.ParseCertificate(credential.Certificate, credential.CertificatePassword)
	if err != nil {
		return token.Token{}, err
	}
	return m.Tokens.ClientCertificate(ctx, target, certificate)
}

// client is the client id asked for; a service principal brings its own.
func (p plan) client() string {
	if p.Identity.Credential != nil {
		return p.Identity.Credential.ClientID
	}
	return p.Identity.ClientID
}

func assertionOf(p plan) token.Assertion {
	a := p.Identity.Assertion
	return token.Assertion{Raw: a.Raw, Issuer: a.Issuer, Subject: a.Subject, Audience: a.Audience}
}
