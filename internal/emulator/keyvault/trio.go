package keyvault

import (
	"crypto/x509"
	"encoding/base64"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/secret"
)

// trio is a certificate as the three objects it is kept as: itself, its key, and a secret with both.
type trio struct {
	bundle     store.Lazy[mint.Bundle]
	spec       mint.KeySpec
	pem        bool
	modern     bool // of PKCS#12
	exportable bool
	preserve   bool // the order of the chain
}

func (t trio) contentType() string {
	if t.pem {
		return typePEM
	}
	return typePFX
}

func (t trio) certificate() *store.Certificate {
	return &store.Certificate{PreserveOrder: t.preserve, Leaf: store.Later(func() (*x509.Certificate, error) {
		b, err := t.bundle()
		return b.Leaf, err
	})}
}

func (t trio) key() *store.Key {
	return &store.Key{Spec: t.spec, Ops: defaultOps(t.spec), Exportable: t.exportable, Material: store.Later(func() (any, error) {
		b, err := t.bundle()
		return b.Key, err
	})}
}

// secret is written once, since PKCS#12 comes out different each time while a version must not.
func (t trio) secret() *store.Secret {
	return &store.Secret{ContentType: t.contentType(), Value: store.Later(t.value)}
}

func (t trio) value() (secret.Value, error) {
	b, err := t.bundle()
	if err != nil {
		return secret.Value{}, err
	}
	if !t.exportable {
		b = b.Public()
	}
	if t.pem {
		text, err := b.PEM()
		return secret.NewValue(text), err
	}
	der, err := b.PFX(t.modern)
	return secret.NewValue(base64.StdEncoding.AppendEncode(nil, der)), err
}

// place puts the three on their shelves with the same id, times and tags, and gives the certificate.
func (t trio) place(data *store.Vault, name string, meta store.Version) *store.Item {
	certificate, key, value := meta, meta, meta
	key.Managed, value.Managed = true, true
	certificate.Certificate, key.Key, value.Secret = t.certificate(), t.key(), t.secret()
	data.Keys.Add(name, &key)
	data.Secrets.Add(name, &value)
	return data.Certificates.Add(name, &certificate)
}
