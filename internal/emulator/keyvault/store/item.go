package store

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Item is one name on a shelf with all its versions, oldest first.
type Item struct {
	Name     string
	Versions []*Version

	// Policy is a certificate's policy or a key's rotation policy as last set, in its wire form; nil when never set.
	Policy json.RawMessage

	// Request is the last request for a new version of a certificate; nil when there was none.
	Request *Request

	// Deletion is nil while the item lives.
	Deletion *Deletion

	// Back is when a recovery is through; zero when there was none.
	Back time.Time
}

// Deletion is when an item was deleted, when that was through, and when the vault forgets the item for good.
type Deletion struct {
	At      time.Time
	Through time.Time
	Purge   time.Time
}

// Latest is the newest version that is not pending, or the pending one when there is no other.
func (i *Item) Latest() *Version {
	for _, v := range slices.Backward(i.Versions) {
		if !v.Pending {
			return v
		}
	}
	if len(i.Versions) == 0 {
		return nil
	}
	return i.Versions[len(i.Versions)-1]
}

// Version finds a version by id in any case; empty is the Latest. Nil when there is none.
func (i *Item) Version(id string) *Version {
	if id == "" {
		return i.Latest()
	}
	for _, v := range i.Versions {
		if strings.EqualFold(v.ID, id) {
			return v
		}
	}
	return nil
}

// Previous is the version before v, nil when v is the first.
func (i *Item) Previous(v *Version) *Version {
	if at := slices.Index(i.Versions, v); at > 0 {
		return i.Versions[at-1]
	}
	return nil
}

// Drop removes a version; a missing one is none removed.
func (i *Item) Drop(id string) {
	i.Versions = slices.DeleteFunc(i.Versions, func(v *Version) bool { return v.ID == id })
}
