package keyvault

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

type importIn struct {
	Value      string            `json:"value"`
	Password   string            `json:"pwd"`
	Policy     *policy           `json:"policy"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
	Preserve   bool              `json:"preserveCertOrder"`
}

func importCertificate(c *call) (answer, *failure) {
	var in importIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	bundle, pem, f := in.bundle()
	if f != nil {
		return answer{}, f
	}
	if f := c.freeCertificate(); f != nil {
		return answer{}, f
	}
	v, f := c.fresh(in.Attributes, in.Tags)
	if f != nil {
		return answer{}, f
	}
	p, f := importedPolicy(bundle, pem, in.Policy)
	if f != nil {
		return answer{}, f
	}
	v.NotBefore, v.Expires = bundle.Leaf.NotBefore.Unix(), bundle.Leaf.NotAfter.Unix()
	spec, f := p.keySpec()
	if f != nil {
		return answer{}, f
	}
	t := trio{
		bundle: store.Known(bundle), spec: spec, pem: p.Secret.ContentType == typePEM,
		modern: c.traits.Encoding == Modern, exportable: *p.Key.Exportable, preserve: in.Preserve,
	}
	return c.keepCertificate(t, *v, p)
}

// keepCertificate places a finished certificate and answers with it.
func (c *call) keepCertificate(t trio, meta store.Version, p policy) (answer, *failure) {
	item := t.place(c.data, c.name(), meta)
	if err := p.complete(c.now).keep(item); err != nil {
		return answer{}, failed(err)
	}
	out, f := c.certificateBundle(item, item.Version(meta.ID))
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

// bundle reads the value as what it looks like, PEM or base64 of PKCS#12, and says whether it was PEM.
func (in importIn) bundle() (mint.Bundle, bool, *failure) {
	if strings.Contains(in.Value, "-----BEGIN") {
		b, f := pemBundle([]byte(in.Value))
		return in.ordered(b), true, f
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(in.Value))
	if err == nil && bytes.Contains(der, []byte("-----BEGIN")) {
		b, f := pemBundle(der)
		return in.ordered(b), true, f
	}
	b, perr := mint.ParsePFX(der, in.Password)
	if err != nil || perr != nil {
		return mint.Bundle{}, false, badParameter("The specified PKCS#12 X.509 certificate content can not be read. " +
			"Please check if certificate is in valid PKCS#12 format.")
	}
	return in.ordered(b), false, nil
}

func (in importIn) ordered(b mint.Bundle) mint.Bundle {
	if in.Preserve || b.Leaf == nil {
		return b
	}
	return b.LeafFirst()
}

func pemBundle(text []byte) (mint.Bundle, *failure) {
	b, err := mint.ParsePEM(text)
	if err == nil {
		return b, nil
	}
	if !bytes.Contains(text, []byte("PRIVATE KEY-----")) {
		return b, badParameter("Private key is not specified in the specified X.509 PEM certificate content. " +
			"Please specify private key in the X.509 PEM certificate content.")
	}
	return b, badParameter("The specified PEM X.509 certificate content is in an unexpected format. " +
		"Please check if certificate is in valid PEM format.")
}

// importedPolicy describes what was brought, under what the client asked for: the key is what it is, but the form of
// the secret and whether the key may leave are the client's to say.
func importedPolicy(b mint.Bundle, pem bool, asked *policy) (policy, *failure) {
	spec, err := mint.SpecOf(b.Key)
	if err != nil {
		return policy{}, failed(err)
	}
	p := policy{
		Key:     &keyProps{Kty: spec.Type, Size: spec.Bits, Curve: spec.Curve},
		Secret:  &secretProps{typePFX},
		X509:    describe(b.Leaf),
		Issuer:  &issuerProps{Name: unknownIssuer},
		Actions: []lifetimeAction{action("EmailContacts", 80)},
	}
	if pem {
		p.Secret.ContentType = typePEM
	}
	if asked != nil && asked.Secret != nil {
		p.Secret = asked.Secret.complete()
	}
	if asked != nil && asked.Key != nil {
		p.Key.Exportable, p.Key.Reuse = asked.Key.Exportable, asked.Key.Reuse
	}
	p.Key = p.Key.complete()
	return p, nil
}

func describe(c *x509.Certificate) *x509Props {
	p := &x509Props{
		Subject: c.Subject.String(), Usage: usageNames(c.KeyUsage),
		Months:      max(1, int(c.NotAfter.Sub(c.NotBefore).Hours()/24/30)),
		Constraints: &constraints{CA: c.IsCA},
	}
	if len(c.DNSNames)+len(c.EmailAddresses) > 0 {
		p.Names = &sans{DNS: c.DNSNames, Emails: c.EmailAddresses}
	}
	return p
}
