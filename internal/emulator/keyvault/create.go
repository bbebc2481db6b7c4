package keyvault

import (
	"crypto"
	"crypto/x509"
	"net/http"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/secret"
)

type createCertificateIn struct {
	Policy     *policy           `json:"policy"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
	Preserve   bool              `json:"preserveCertOrder"`
}

// createCertificate begins a request: the version is on the shelves at once, disabled, and gets its certificate when
// the issuer is done.
func createCertificate(c *call) (answer, *failure) {
	var in createCertificateIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if f := c.freeCertificate(); f != nil {
		return answer{}, f
	}
	p, f := c.policyToCreate(in.Policy)
	if f != nil {
		return answer{}, f
	}
	v, f := c.fresh(in.Attributes, in.Tags)
	if f != nil {
		return answer{}, f
	}
	item, f := c.begin(p, *v, in.Preserve)
	if f != nil {
		return answer{}, f
	}
	if err := p.keep(item); err != nil {
		return answer{}, failed(err)
	}
	a, f := ok(c.operation(item))
	a.status = http.StatusAccepted
	a.header = map[string]string{
		"Location": c.id(Certificates, item.Name, "") + "/pending?api-version=" + c.query.Get("api-version") +
			"&request_id=" + item.Request.ID,
		"Retry-After": "0",
	}
	return a, f
}

// policyToCreate is the given policy over the one the certificate has.
func (c *call) policyToCreate(given *policy) (policy, *failure) {
	item, _ := c.data.Certificates.Look(c.name(), c.now)
	if item == nil && given == nil {
		return policy{}, badParameter("The parameter policy is required for a new certificate.")
	}
	p, err := policyOf(item)
	if err != nil {
		return policy{}, failed(err)
	}
	if given != nil {
		p = given.over(p)
	}
	p = p.complete(c.now)
	if p.X509.Subject == "" && p.X509.Names == nil {
		return policy{}, badParameter("The policy needs a subject or subject alternative names.")
	}
	return p, c.checkPolicy(p)
}

// begin makes the key and the signing request and puts the pending version on the shelves.
func (c *call) begin(p policy, meta store.Version, preserve bool) (*store.Item, *failure) {
	spec, f := p.keySpec()
	if f != nil {
		return nil, f
	}
	key, err := c.keyFor(p, spec)
	if err != nil {
		return nil, failed(err)
	}
	certificate, err := p.certSpec()
	if err != nil {
		return nil, failed(err)
	}
	csr, err := mint.Request(key, certificate)
	if err != nil {
		return nil, failed(err)
	}
	request := &store.Request{
		ID: store.NewID(), Version: meta.ID, Status: store.InProgress, CSR: csr, Issuer: p.Issuer.Name,
		Due: c.now.Add(c.traits.Issuing), Enabled: meta.Enabled,
	}
	meta.Enabled, meta.Pending = false, true
	unsigned := func() (mint.Bundle, error) { return mint.Bundle{Key: key}, nil }
	item := p.trio(unsigned, spec, preserve, c.traits).place(c.data, c.name(), meta)
	secretOf(c.data, item, meta.ID).Secret.Value = store.Known(secret.Value{})
	item.Request = request
	return item, nil
}

func (p policy) trio(bundle store.Lazy[mint.Bundle], spec mint.KeySpec, preserve bool, traits Traits) trio {
	return trio{
		bundle: bundle, spec: spec, pem: p.Secret.ContentType == typePEM, modern: traits.Encoding == Modern,
		exportable: *p.Key.Exportable, preserve: preserve,
	}
}

// keyFor is the last version's key where the policy wants it again, a new one otherwise.
func (c *call) keyFor(p policy, spec mint.KeySpec) (crypto.Signer, error) {
	source := spec.Generate
	if item, state := c.data.Keys.Look(c.name(), c.now); p.Key.Reuse && state == store.Live && item.Latest().Key.Spec == spec {
		source = item.Latest().Key.Material
	}
	made, err := source()
	if err != nil {
		return nil, err
	}
	return made.(crypto.Signer), nil // specs of symmetric keys were refused before
}

// issueRipe finishes every request whose issuer is done, and cancels those whose cancelling was asked for. A request
// that cannot be finished has failed, and says so when it is polled.
func (c *call) issueRipe() {
	for _, item := range c.data.Certificates.Items(store.Live, c.now) {
		switch r := item.Request; {
		case r.Open() && r.Cancelling:
			r.Status = store.Cancelled
		case r.Ripe(c.now):
			if err := c.issue(item); err != nil {
				r.Status = store.Failed
			}
		}
	}
}

// issue signs for the issuer: itself for "Self", an authority of the emulator's for any other.
func (c *call) issue(item *store.Item) error {
	key, spec, err := c.pendingKey(item)
	if err != nil {
		return err
	}
	chain, err := signLeaf(key, spec, item.Request.Issuer == selfIssuer)
	if err != nil {
		return err
	}
	return c.finish(item, mint.Bundle{Key: key, Leaf: chain[0], Certs: chain})
}

func signLeaf(key crypto.Signer, spec mint.CertSpec, self bool) ([]*x509.Certificate, error) {
	if !self {
		return mint.Issued(key, spec, 1)
	}
	leaf, err := mint.SelfSigned(key, spec)
	return []*x509.Certificate{leaf}, err
}
