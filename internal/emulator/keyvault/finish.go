package keyvault

import (
	"crypto"
	"time"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

// pendingKey is the key that waits for a certificate, and what that is to state.
func (c *call) pendingKey(item *store.Item) (crypto.Signer, mint.CertSpec, error) {
	material, err := keyOf(c.data, item, item.Request.Version).Key.Material()
	if err != nil {
		return nil, mint.CertSpec{}, err
	}
	p, err := policyOf(item)
	if err != nil {
		return nil, mint.CertSpec{}, err
	}
	spec, err := p.certSpec()
	spec.NotBefore, spec.NotAfter = c.now.Add(-10*time.Minute), c.now.AddDate(0, p.X509.Months, 0)
	return material.(crypto.Signer), spec, err
}

// finish gives the pending version its certificate and lets it and what backs it be used.
func (c *call) finish(item *store.Item, b mint.Bundle) error {
	p, err := policyOf(item)
	if err != nil {
		return err
	}
	spec, err := mint.SpecOf(b.Key)
	if err != nil {
		return err
	}
	v := item.Version(item.Request.Version)
	t := p.trio(store.Known(b), spec, v.Certificate.PreserveOrder, c.traits)
	v.Certificate = t.certificate()
	secretOf(c.data, item, v.ID).Secret = t.secret()
	for _, version := range c.data.Behind(&c.data.Certificates, item, v) {
		version.Enabled, version.Pending = item.Request.Enabled, false
		version.NotBefore, version.Expires = b.Leaf.NotBefore.Unix(), b.Leaf.NotAfter.Unix()
		version.Updated = c.now.Unix()
	}
	item.Request.Status = store.Completed
	return nil
}

func secretOf(v *store.Vault, item *store.Item, version string) *store.Version {
	return versionOn(&v.Secrets, item, version)
}

func keyOf(v *store.Vault, item *store.Item, version string) *store.Version {
	return versionOn(&v.Keys, item, version)
}

// versionOn finds a certificate's backing version, which stands and falls with it.
func versionOn(shelf *store.Shelf, item *store.Item, version string) *store.Version {
	return shelf.Find(item.Name).Version(version)
}
