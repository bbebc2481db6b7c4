package keyvault

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
)

// maxChain bounds what a typing error can cost.
const maxChain = 10

// planCertificate understands a certificate's version: one that was brought, or one to be made.
func (v Version) planCertificate(name string, meta store.Version, t Traits, now time.Time) (func(*store.Vault), error) {
	if v.Format != "" && v.Format != "pem" && v.Format != "pfx" {
		return nil, fault.New(fault.Invalid, "format "+v.Format, "is neither pem nor pfx")
	}
	if !v.Encoding.known() || v.Chain < 0 || v.Chain > maxChain {
		return nil, fault.New(fault.Invalid, "encoding or chain", "is not legacy or modern, or not from 0 to %d", maxChain)
	}
	parts := trio{
		pem: v.Format == "pem", modern: orElse(v.Encoding, t.Encoding) == Modern,
		exportable: v.Exportable == nil || *v.Exportable, preserve: v.Shuffle,
	}
	p, err := v.material(name, &meta, &parts, now)
	if err != nil {
		return nil, err
	}
	p.Secret, p.Key.Exportable = &secretProps{parts.contentType()}, &parts.exportable
	return func(data *store.Vault) {
		item := parts.place(data, name, meta)
		_ = p.complete(now).keep(item) // a policy made here marshals
	}, nil
}

// material sets what the certificate is made of, its times, and gives the policy that would make it.
func (v Version) material(name string, meta *store.Version, parts *trio, now time.Time) (policy, error) {
	if v.Value.Len() > 0 {
		b, err := v.brought()
		if err != nil {
			return policy{}, err
		}
		parts.bundle = store.Known(v.arrange(b))
		meta.NotBefore, meta.Expires = b.Leaf.NotBefore.Unix(), b.Leaf.NotAfter.Unix()
		if parts.spec, err = mint.SpecOf(b.Key); err != nil {
			return policy{}, err
		}
		p, f := importedPolicy(b, parts.pem, nil)
		if f != nil {
			return policy{}, fault.New(fault.Invalid, "value", "%s", f.message)
		}
		return p, nil
	}
	return v.generated(name, meta, parts, now)
}

// brought reads a value as PEM or as base64 of PKCS#12.
func (v Version) brought() (mint.Bundle, error) {
	text := v.Value.Reveal()
	if strings.Contains(string(text), "-----BEGIN") {
		return mint.ParsePEM(text)
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return mint.Bundle{}, fault.New(fault.Invalid, "value", "is neither PEM nor base64")
	}
	return mint.ParsePFX(der, string(v.Password.Reveal()))
}

func (v Version) arrange(b mint.Bundle) mint.Bundle {
	if v.Shuffle {
		return b.Shuffled()
	}
	return b
}

// generated plans a certificate that is made when it is first read.
func (v Version) generated(name string, meta *store.Version, parts *trio, now time.Time) (policy, error) {
	var err error
	if parts.spec, err = mint.ParseKeySpec(v.KeyType); err != nil {
		return policy{}, err
	}
	if parts.spec.Type == "oct" {
		return policy{}, fault.New(fault.Invalid, "keyType "+v.KeyType, "cannot be a certificate's")
	}
	meta.NotBefore = orElse(meta.NotBefore, now.Add(-10*time.Minute).Unix())
	meta.Expires = orElse(meta.Expires, now.AddDate(1, 0, 0).Unix())
	p := policy{
		Key:    &keyProps{Kty: parts.spec.Kty(), Size: parts.spec.Bits, Curve: parts.spec.Curve},
		X509:   &x509Props{Subject: orElse(v.Subject, "CN="+name), Names: dnsNames(v.DNSNames)},
		Issuer: &issuerProps{Name: selfIssuer},
	}
	spec, err := p.complete(now).certSpec()
	if err != nil {
		return policy{}, err
	}
	spec.NotBefore, spec.NotAfter = time.Unix(meta.NotBefore, 0).UTC(), time.Unix(meta.Expires, 0).UTC()
	if !spec.NotAfter.After(spec.NotBefore) {
		return policy{}, fault.New(fault.Invalid, "exp", "is not after nbf")
	}
	keySpec := parts.spec
	parts.bundle = store.Later(func() (mint.Bundle, error) { return v.make(keySpec, spec) })
	return p, nil
}

func dnsNames(names []string) *sans {
	if len(names) == 0 {
		return nil
	}
	return &sans{DNS: names}
}

// make makes the key and the chain; the root is left out unless it was asked for.
func (v Version) make(keySpec mint.KeySpec, spec mint.CertSpec) (mint.Bundle, error) {
	made, err := keySpec.Generate()
	if err != nil {
		return mint.Bundle{}, err
	}
	key := made.(crypto.Signer)
	var chain []*x509.Certificate
	if v.Chain == 0 && !v.Root {
		chain, err = signLeaf(key, spec, true)
	} else if chain, err = mint.Issued(key, spec, v.Chain); err == nil && !v.Root {
		chain = chain[:len(chain)-1]
	}
	if err != nil {
		return mint.Bundle{}, err
	}
	return v.arrange(mint.Bundle{Key: key, Leaf: chain[0], Certs: chain}), nil
}
