package azure

import (
	"context"
	"time"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// bundle is what a vault answered for one version of one object: exactly one field is set. It is what share keeps, so
// that two classes can make different files of one answer.
type bundle struct {
	secret      *keyvault.SecretBundle
	key         *keyvault.KeyBundle
	certificate *keyvault.CertificateBundle
}

// overhead is about what a bundle weighs besides its content.
const overhead = 512

// Size is for share's bound on memory.
func (b bundle) Size() int {
	switch {
	case b.secret != nil:
		return overhead + b.secret.Value.Len()
	case b.certificate != nil:
		return overhead + len(b.certificate.DER)
	default:
		return 2 * overhead
	}
}

func (b bundle) version() string {
	switch {
	case b.secret != nil:
		return b.secret.Version
	case b.key != nil:
		return b.key.Version
	case b.certificate != nil:
		return b.certificate.Version
	}
	return ""
}

// versionList is the answer to a question for versions, newest first.
type versionList []string

// Size is for share's bound on memory.
func (l versionList) Size() int { return overhead + 48*len(l) }

// read is one request to the vault.
func (m *mount) read(ctx context.Context, bearer secret.Value, object secret.Object) (b bundle, err error) {
	m.vaultCalls.Add(1)
	began := m.Clock.Now()
	switch object.Kind {
	case secret.Secret:
		b.secret, err = pointer(m.Vaults.Secret(ctx, m.plan.vault, bearer, object.Name, object.Version))
	case secret.Key:
		b.key, err = pointer(m.Vaults.Key(ctx, m.plan.vault, bearer, object.Name, object.Version))
	case secret.Certificate:
		b.certificate, err = pointer(m.Vaults.Certificate(ctx, m.plan.vault, bearer, object.Name, object.Version))
	default:
		err = fault.New(fault.Invalid, object.String(), "Invalid vaultObjectTypes. Should be secret, key, or cert")
	}
	m.observe(object.Kind, began, err)
	return b, err
}

func (m *mount) observe(kind secret.Kind, began time.Time, err error) {
	if m.Observer != nil {
		m.Observer.Called("keyvault", string(kind), m.Clock.Now().Sub(began), err)
	}
}

func pointer[T any](value T, err error) (*T, error) { return &value, err }

// shape makes an object's files of what the vault answered.
func (m *mount) shape(object params.Object, path string, b bundle) ([]secret.File, []string, error) {
	file := func(suffix string, contents secret.Value) secret.File {
		return secret.File{Path: path + suffix, Mode: object.Mode, Contents: contents}
	}
	switch {
	case b.secret != nil:
		shaped, err := material.Secret(material.SecretInput{
			Value: b.secret.Value, ContentType: b.secret.ContentType, Backed: b.secret.KID != "" && object.Format != material.Raw,
			Format: object.Format, Encoding: object.Encoding, Chain: m.Chain, Split: m.Split,
		})
		if err != nil {
			return nil, nil, named(err, object)
		}
		files := make([]secret.File, len(shaped.Parts))
		for i, part := range shaped.Parts {
			files[i] = file(part.Suffix, part.Contents)
		}
		return files, shaped.Notes, nil
	case b.key != nil:
		text, err := material.Key(material.JWK(b.key.JWK), object.Format)
		return []secret.File{file("", secret.NewValue(text))}, nil, named(err, object)
	default:
		text, err := material.Certificate(b.certificate.DER, object.Format)
		return []secret.File{file("", secret.NewValue(text))}, nil, named(err, object)
	}
}

// named says which object could not be made into a file: the material room knows no names.
func named(err error, object params.Object) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.KindOf(err), object.Object.String(), "cannot be written as the class asks")
}
