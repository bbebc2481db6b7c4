package keyvault

import (
	"crypto/x509"
	"slices"
	"strings"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
)

func getPolicy(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	p, err := c.shownPolicy(item)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(p)
}

func updatePolicy(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	var in policy
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if f := c.changePolicy(item, in); f != nil {
		return answer{}, f
	}
	return getPolicy(c)
}

func (c *call) shownPolicy(item *store.Item) (*policy, error) {
	p, err := policyOf(item)
	p.ID = c.id(Certificates, item.Name, "") + "/policy"
	return &p, err
}

// changePolicy concerns the next version only.
func (c *call) changePolicy(item *store.Item, in policy) *failure {
	old, err := policyOf(item)
	if err != nil {
		return failed(err)
	}
	p := in.over(old).complete(c.now)
	if f := c.checkPolicy(p); f != nil {
		return f
	}
	if err := p.keep(item); err != nil {
		return failed(err)
	}
	return nil
}

// checkPolicy refuses what no certificate can be made of. Names are needed only where one is about to be made.
func (c *call) checkPolicy(p policy) *failure {
	if _, f := p.keySpec(); f != nil {
		return f
	}
	if _, err := p.certSpec(); err != nil {
		return failed(err)
	}
	if t := p.Secret.ContentType; t != typePFX && t != typePEM {
		return badParameter("The content type %s is not supported; use %s or %s.", t, typePFX, typePEM)
	}
	if p.Issuer == nil || !c.knownIssuer(p.Issuer.Name) {
		return badParameter("The policy names no issuer that this vault knows.")
	}
	return nil
}

func (p policy) keySpec() (mint.KeySpec, *failure) {
	spec, f := createKeyIn{Kty: p.Key.Kty, Size: p.Key.Size, Curve: p.Key.Curve}.spec()
	if f == nil && spec.Type == "oct" {
		f = badParameter("A certificate cannot have a key of type %s.", p.Key.Kty)
	}
	return spec, f
}

// certSpec is what a certificate made by the policy states, without its times.
func (p policy) certSpec() (mint.CertSpec, error) {
	subject, err := mint.ParseSubject(p.X509.Subject)
	if err != nil {
		return mint.CertSpec{}, err
	}
	usage, err := parseUsage(p.X509.Usage)
	if err != nil {
		return mint.CertSpec{}, err
	}
	spec := mint.CertSpec{Subject: subject, Usage: usage, ExtUsage: p.X509.ExtUsage, CA: p.X509.Constraints.CA}
	if names := p.X509.Names; names != nil {
		spec.DNSNames, spec.Emails, spec.IPs, spec.URIs = names.DNS, slices.Concat(names.Emails, names.UPNs), names.IPs, names.URIs
	}
	if p.X509.Months < 1 || p.X509.Months > 1200 {
		return mint.CertSpec{}, fault.New(fault.Invalid, "validity_months", "must be a number from 1 to 1200")
	}
	return spec, spec.Check()
}

// usages are the wire names in the order of the bits.
var usages = []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
	"keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

func parseUsage(names []string) (x509.KeyUsage, error) {
	var usage x509.KeyUsage
	for _, name := range names {
		bit := slices.IndexFunc(usages, func(u string) bool { return strings.EqualFold(u, name) })
		if bit < 0 {
			return 0, fault.New(fault.Invalid, "key_usage "+name, "is not known")
		}
		usage |= 1 << bit
	}
	return usage, nil
}

func usageNames(usage x509.KeyUsage) []string {
	var names []string
	for bit, name := range usages {
		if usage&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names
}
