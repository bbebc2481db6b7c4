package store

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is where a name stands.
type State uint8

// The states of a name. Deleting and Recovering are the seconds in which an item is to be had in neither place.
const (
	Missing State = iota
	Live
	Deleting
	Deleted
	Recovering
)

// Shelf holds the items of one area by name. Names are equal in any case and keep the case of their creation. The zero
// Shelf is empty.
type Shelf struct{ items map[string]*Item }

// Look finds a name and says where it stands. The item is nil only for Missing. What is past its retention is gone.
func (s *Shelf) Look(name string, now time.Time) (*Item, State) {
	key := strings.ToLower(name)
	item := s.items[key]
	if item == nil {
		return nil, Missing
	}
	state := item.state(now)
	if state == Missing {
		delete(s.items, key)
		return nil, Missing
	}
	return item, state
}

func (i *Item) state(now time.Time) State {
	switch d := i.Deletion; {
	case d == nil && now.Before(i.Back):
		return Recovering
	case d == nil:
		return Live
	case now.Before(d.Through):
		return Deleting
	case now.Before(d.Purge):
		return Deleted
	}
	return Missing
}

// Put places an item, replacing one of the same name.
func (s *Shelf) Put(item *Item) {
	if s.items == nil {
		s.items = map[string]*Item{}
	}
	s.items[strings.ToLower(item.Name)] = item
}

// Add appends a version to a live or new item and gives the item.
func (s *Shelf) Add(name string, v *Version) *Item {
	item := s.items[strings.ToLower(name)]
	if item == nil {
		item = &Item{Name: name}
		s.Put(item)
	}
	item.Versions = append(item.Versions, v)
	return item
}

// Remove forgets a name for good.
func (s *Shelf) Remove(name string) { delete(s.items, strings.ToLower(name)) }

// Items lists the items in a state, by name.
func (s *Shelf) Items(state State, now time.Time) []*Item {
	var list []*Item
	for _, item := range s.items {
		if item.state(now) == state {
			list = append(list, item)
		}
	}
	slices.SortFunc(list, func(a, b *Item) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

// All lists every item, deleted ones among them, by name.
func (s *Shelf) All() []*Item {
	list := make([]*Item, 0, len(s.items))
	for _, item := range s.items {
		list = append(list, item)
	}
	slices.SortFunc(list, func(a, b *Item) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

// Find gives what stands under a name in whatever state, nil for nothing.
func (s *Shelf) Find(name string) *Item { return s.items[strings.ToLower(name)] }

func (i *Item) managed() bool {
	return slices.ContainsFunc(i.Versions, func(v *Version) bool { return v.Managed })
}
