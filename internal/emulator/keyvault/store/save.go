package store

import (
	"crypto/x509"
	"encoding/json"

	"strongroom/internal/emulator/keyvault/mint"
)

// SavedVault is a Vault as plain data for a state file. It holds everything in clear text.
type SavedVault struct {
	Secrets      []SavedItem                `json:"secrets,omitempty"`
	Keys         []SavedItem                `json:"keys,omitempty"`
	Certificates []SavedItem                `json:"certificates,omitempty"`
	Issuers      map[string]json.RawMessage `json:"issuers,omitempty"`
	Contacts     json.RawMessage            `json:"contacts,omitempty"`
}

// SavedItem is an Item as plain data, for state files and backups.
type SavedItem struct {
	Item
	Versions []savedVersion
}

// savedVersion stands in for the parts of a Version that are made when asked for.
type savedVersion struct {
	Version
	Secret      *savedSecret      `json:",omitempty"`
	Key         *savedKey         `json:",omitempty"`
	Certificate *savedCertificate `json:",omitempty"`
}

type savedSecret struct {
	Value       []byte
	ContentType string
}

type savedKey struct {
	Material   []byte // PKCS#8, or the bytes of an oct key
	Spec       mint.KeySpec
	Ops        []string
	Exportable bool
}

type savedCertificate struct {
	Leaf          []byte
	PreserveOrder bool
}

// Save takes down a whole vault. Whatever was to be made later is made now.
func (v *Vault) Save() (SavedVault, error) {
	saved := SavedVault{Issuers: v.Issuers, Contacts: v.Contacts}
	for shelf, list := range map[*Shelf]*[]SavedItem{
		&v.Secrets: &saved.Secrets, &v.Keys: &saved.Keys, &v.Certificates: &saved.Certificates,
	} {
		for _, item := range shelf.All() {
			s, err := item.Save()
			if err != nil {
				return SavedVault{}, err
			}
			*list = append(*list, s)
		}
	}
	return saved, nil
}

// Save takes down one item.
func (i *Item) Save() (SavedItem, error) {
	saved := SavedItem{Item: *i}
	for _, v := range i.Versions {
		s, err := v.save()
		if err != nil {
			return SavedItem{}, err
		}
		saved.Versions = append(saved.Versions, s)
	}
	return saved, nil
}

func (v *Version) save() (savedVersion, error) {
	saved := savedVersion{Version: *v}
	var err error
	switch {
	case v.Secret != nil:
		saved.Secret, err = v.Secret.save()
	case v.Key != nil:
		saved.Key, err = v.Key.save()
	case v.Certificate != nil:
		saved.Certificate, err = v.Certificate.save()
	}
	return saved, err
}

func (s *Secret) save() (*savedSecret, error) {
	value, err := s.Value()
	return &savedSecret{Value: value.Reveal(), ContentType: s.ContentType}, err
}

func (k *Key) save() (*savedKey, error) {
	material, err := k.Material()
	if err != nil {
		return nil, err
	}
	saved := &savedKey{Spec: k.Spec, Ops: k.Ops, Exportable: k.Exportable}
	if oct, ok := material.(mint.Symmetric); ok {
		saved.Material = oct
		return saved, nil
	}
	saved.Material, err = x509.MarshalPKCS8PrivateKey(material)
	return saved, err
}

func (c *Certificate) save() (*savedCertificate, error) {
	saved := &savedCertificate{PreserveOrder: c.PreserveOrder}
	leaf, err := c.Leaf()
	if leaf != nil {
		saved.Leaf = leaf.Raw
	}
	return saved, err
}
