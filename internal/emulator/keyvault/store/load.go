package store

import (
	"crypto/x509"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Load makes a vault of what Save took down. Invalid when the data cannot have come from there.
func (s SavedVault) Load() (*Vault, error) {
	v := &Vault{Issuers: s.Issuers, Contacts: s.Contacts}
	for _, of := range []struct {
		shelf *Shelf
		sort  Sort
		saved []SavedItem
	}{{&v.Secrets, SortSecret, s.Secrets}, {&v.Keys, SortKey, s.Keys}, {&v.Certificates, SortCertificate, s.Certificates}} {
		for _, saved := range of.saved {
			item, err := saved.Load()
			if err == nil && !saved.All(of.sort) {
				err = fault.New(fault.Invalid, "saved object "+item.Name, "is of another sort than those it stands among")
			}
			if err != nil {
				return nil, err
			}
			of.shelf.Put(item)
		}
	}
	return v, nil
}

// Load makes the item again.
func (s SavedItem) Load() (*Item, error) {
	item := s.Item
	item.Versions = nil
	for _, saved := range s.Versions {
		v, err := saved.load()
		if err != nil {
			return nil, err
		}
		item.Versions = append(item.Versions, v)
	}
	if item.Name == "" || len(item.Versions) == 0 {
		return nil, fault.New(fault.Invalid, "saved object "+item.Name, "has no name or no version")
	}
	return &item, nil
}

func (s savedVersion) load() (*Version, error) {
	v := s.Version
	var err error
	switch {
	case s.Secret != nil:
		v.Secret = &Secret{Value: Known(secret.NewValue(s.Secret.Value)), ContentType: s.Secret.ContentType}
	case s.Key != nil:
		v.Key, err = s.Key.load()
	case s.Certificate != nil:
		v.Certificate, err = s.Certificate.load()
	default:
		err = fault.New(fault.Invalid, "saved version "+v.ID, "is empty")
	}
	return &v, err
}

func (s *savedKey) load() (*Key, error) {
	k := &Key{Spec: s.Spec, Ops: s.Ops, Exportable: s.Exportable}
	if s.Spec.Type == "oct" {
		k.Material = Known[any](mint.Symmetric(s.Material))
		return k, s.Spec.Check()
	}
	material, err := mint.ParseKey(s.Material)
	k.Material = Known[any](material)
	return k, err
}

func (s *savedCertificate) load() (*Certificate, error) {
	c := &Certificate{Leaf: Known[*x509.Certificate](nil), PreserveOrder: s.PreserveOrder}
	if len(s.Leaf) == 0 {
		return c, nil
	}
	leaf, err := x509.ParseCertificate(s.Leaf)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "saved certificate", "cannot be read")
	}
	c.Leaf = Known(leaf)
	return c, nil
}

// Sort is which body the versions of an item have.
type Sort uint8

// The three sorts.
const (
	SortSecret Sort = iota
	SortKey
	SortCertificate
)

// All reports whether every version has the body of a sort, and no other.
func (s SavedItem) All(sort Sort) bool {
	for _, v := range s.Versions {
		has := [...]bool{v.Secret != nil, v.Key != nil, v.Certificate != nil}
		want := [len(has)]bool{}
		want[sort] = true
		if has != want {
			return false
		}
	}
	return true
}
