package store

import (
	"encoding/json"
	"time"
)

// Vault is everything one vault holds. The zero Vault is empty.
type Vault struct {
	Secrets      Shelf
	Keys         Shelf
	Certificates Shelf

	Issuers  map[string]json.RawMessage // by lower-case name, in wire form with their credentials
	Contacts json.RawMessage            // nil when never set
}

// Terms are how long a deletion or recovery stays in the air and how long the deleted can be recovered.
type Terms struct {
	Settling  time.Duration
	Retention time.Duration
}

// Delete soft-deletes a live item.
func (i *Item) Delete(t Terms, now time.Time) {
	i.Deletion = &Deletion{At: now, Through: now.Add(t.Settling), Purge: now.Add(t.Retention)}
}

// Restore brings a deleted item back.
func (i *Item) Restore(t Terms, now time.Time) {
	i.Deletion = nil
	i.Back = now.Add(t.Settling)
}

// Backing gives the shelves that hold what backs a certificate.
func (v *Vault) Backing() []*Shelf { return []*Shelf{&v.Keys, &v.Secrets} }

// WithBacking does something to an item, and when it is a certificate's also to the key and secret behind it.
func (v *Vault) WithBacking(shelf *Shelf, item *Item, do func(*Shelf, *Item)) {
	do(shelf, item)
	if shelf != &v.Certificates {
		return
	}
	for _, backing := range v.Backing() {
		if behind := backing.Find(item.Name); behind != nil && behind.managed() {
			do(backing, behind)
		}
	}
}

// Behind lists the versions that move together: v itself, and for a certificate's the key's and the secret's.
func (v *Vault) Behind(shelf *Shelf, item *Item, version *Version) []*Version {
	var list []*Version
	v.WithBacking(shelf, item, func(_ *Shelf, i *Item) {
		if found := i.Version(version.ID); found != nil {
			list = append(list, found)
		}
	})
	return list
}
