package keyvault

import (
	"encoding/json"
	"time"

	"strongroom/internal/emulator/keyvault/store"
)

// policy is how a certificate is to be made and renewed, in its wire form.
type policy struct {
	ID         string            `json:"id,omitempty"`
	Key        *keyProps         `json:"key_props,omitempty"`
	Secret     *secretProps      `json:"secret_props,omitempty"`
	X509       *x509Props        `json:"x509_props,omitempty"`
	Actions    []lifetimeAction  `json:"lifetime_actions,omitempty"`
	Issuer     *issuerProps      `json:"issuer,omitempty"`
	Attributes *policyAttributes `json:"attributes,omitempty"`
}

type keyProps struct {
	Exportable *bool  `json:"exportable,omitempty"`
	Kty        string `json:"kty,omitempty"`
	Size       int    `json:"key_size,omitempty"`
	Curve      string `json:"crv,omitempty"`
	Reuse      bool   `json:"reuse_key"`
}

type secretProps struct {
	ContentType string `json:"contentType"`
}

type x509Props struct {
	Subject     string       `json:"subject"`
	Names       *sans        `json:"sans,omitempty"`
	ExtUsage    []string     `json:"ekus,omitempty"`
	Usage       []string     `json:"key_usage,omitempty"`
	Months      int          `json:"validity_months"`
	Constraints *constraints `json:"basic_constraints,omitempty"`
}

type sans struct {
	DNS    []string `json:"dns_names,omitempty"`
	Emails []string `json:"emails,omitempty"`
	UPNs   []string `json:"upns,omitempty"`
	IPs    []string `json:"ipAddresses,omitempty"`
	URIs   []string `json:"uris,omitempty"`
}

type constraints struct {
	CA bool `json:"ca"`
}

type lifetimeAction struct {
	Trigger struct {
		Percentage int `json:"lifetime_percentage,omitempty"`
		Days       int `json:"days_before_expiry,omitempty"`
	} `json:"trigger"`
	Action struct {
		Type string `json:"action_type"`
	} `json:"action"`
}

type issuerProps struct {
	Name         string `json:"name"`
	Type         string `json:"cty,omitempty"`
	Transparency *bool  `json:"cert_transparency,omitempty"`
}

type policyAttributes struct {
	Enabled bool  `json:"enabled"`
	Created int64 `json:"created,omitempty"`
	Updated int64 `json:"updated,omitempty"`
}

// over lays the sections of p that were given over an older policy.
func (p policy) over(old policy) policy {
	return policy{
		Key: pick(p.Key, old.Key), Secret: pick(p.Secret, old.Secret), X509: pick(p.X509, old.X509),
		Issuer: pick(p.Issuer, old.Issuer), Actions: pickList(p.Actions, old.Actions),
		Attributes: old.Attributes, // the service's own
	}
}

func pick[T any](given, fallback *T) *T {
	if given == nil {
		return fallback
	}
	return given
}

func pickList[T any](given, fallback []T) []T {
	if given == nil {
		return fallback
	}
	return given
}

// complete fills in what the service assumes.
func (p policy) complete(now time.Time) policy {
	p.Key, p.Secret, p.X509 = p.Key.complete(), p.Secret.complete(), p.X509.complete()
	if p.Actions == nil {
		p.Actions = []lifetimeAction{action("AutoRenew", 80)}
	}
	attributes := policyAttributes{Enabled: true, Created: now.Unix()}
	if p.Attributes != nil {
		attributes = *p.Attributes
	}
	attributes.Updated = now.Unix()
	p.Attributes = &attributes
	return p
}

func (k *keyProps) complete() *keyProps {
	full := keyProps{}
	if k != nil {
		full = *k
	}
	full.Exportable = pick(full.Exportable, &[]bool{true}[0])
	full.Kty = orElse(full.Kty, "RSA")
	if full.Kty[0] == 'R' {
		full.Size = orElse(full.Size, 2048)
	} else {
		full.Curve = orElse(full.Curve, "P-256")
	}
	return &full
}

func (s *secretProps) complete() *secretProps {
	if s == nil || s.ContentType == "" {
		return &secretProps{typePFX}
	}
	return s
}

func (x *x509Props) complete() *x509Props {
	full := x509Props{}
	if x != nil {
		full = *x
	}
	full.Months = orElse(full.Months, 12)
	full.ExtUsage = pickList(full.ExtUsage, []string{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"})
	full.Usage = pickList(full.Usage, []string{"digitalSignature", "keyEncipherment"})
	full.Constraints = pick(full.Constraints, &constraints{})
	return &full
}

func action(kind string, percentage int) lifetimeAction {
	var a lifetimeAction
	a.Action.Type, a.Trigger.Percentage = kind, percentage
	return a
}

// policyOf reads the policy an item keeps; empty when it has none.
func policyOf(item *store.Item) (policy, error) {
	var p policy
	if item == nil || item.Policy == nil {
		return p, nil
	}
	err := json.Unmarshal(item.Policy, &p)
	return p, err
}

func (p policy) keep(item *store.Item) error {
	p.ID = ""
	raw, err := json.Marshal(p)
	item.Policy = raw
	return err
}
