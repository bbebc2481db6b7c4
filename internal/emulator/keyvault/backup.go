package keyvault

import (
	"encoding/json"

	"strongroom/internal/emulator/keyvault/crypt"
	"strongroom/internal/emulator/keyvault/store"
)

// blob is an object in a backup. The real service encrypts it; here it is only encoded, like all that this emulator
// keeps.
type blob struct {
	Area  Area
	Item  store.SavedItem
	Under []store.SavedItem `json:",omitempty"` // a certificate's key and secret, in the order of store.Vault.Backing
}

type backupOut struct {
	Value crypt.Binary `json:"value"`
}

func backup(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	if c.area != Certificates && item.Latest().Managed {
		return answer{}, c.area.noun().managed("backup", item.Name)
	}
	b := blob{Area: c.area}
	var err error
	if b.Item, err = item.Save(); err != nil {
		return answer{}, failed(err)
	}
	for _, shelf := range c.under() {
		saved, err := shelf.Find(item.Name).Save()
		if err != nil {
			return answer{}, failed(err)
		}
		b.Under = append(b.Under, saved)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(backupOut{raw})
}

// under are the shelves that a certificate rests on; none for the other areas.
func (c *call) under() []*store.Shelf {
	if c.area != Certificates {
		return nil
	}
	return c.data.Backing()
}

// restore brings a backed up object back under its name and with its versions; a name in use is not overwritten.
func restore(c *call) (answer, *failure) {
	b, f := c.blob()
	if f != nil {
		return answer{}, f
	}
	if f := c.restorable(b.Item.Name); f != nil {
		return answer{}, f
	}
	shelves := append([]*store.Shelf{c.shelf()}, c.under()...)
	var items []*store.Item
	for _, saved := range append([]store.SavedItem{b.Item}, b.Under...) {
		item, err := saved.Load()
		if err != nil {
			return answer{}, corrupt()
		}
		items = append(items, item)
	}
	for i, item := range items {
		shelves[i].Put(item)
	}
	out, f := c.bundle(c.area, items[0], items[0].Latest())
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

func corrupt() *failure { return badParameter("Backup blob contains invalid or corrupt version.") }

// blob reads a backup of the area at hand.
func (c *call) blob() (blob, *failure) {
	var in backupOut
	var b blob
	if f := c.decode(&in); f != nil {
		return b, f
	}
	if json.Unmarshal(in.Value, &b) != nil || !b.sound(c.area, len(c.under())) {
		return b, corrupt()
	}
	return b, nil
}

func (b blob) sound(area Area, under int) bool {
	if b.Area != area || len(b.Under) != under || !nameForm.MatchString(b.Item.Name) {
		return false
	}
	sorts := []store.Sort{sortOf(area), store.SortKey, store.SortSecret}
	for i, item := range append([]store.SavedItem{b.Item}, b.Under...) {
		if item.Name != b.Item.Name || !item.All(sorts[i]) {
			return false
		}
	}
	return true
}

func sortOf(area Area) store.Sort {
	return map[Area]store.Sort{Secrets: store.SortSecret, Keys: store.SortKey, Certificates: store.SortCertificate}[area]
}

func (c *call) restorable(name string) *failure {
	areas := []Area{c.area}
	if c.area == Certificates {
		areas = append(areas, Keys, Secrets)
	}
	for _, area := range areas {
		if f := c.free(area, name); f != nil {
			return f
		}
		if shelfOf(c.data, area).Find(name) != nil {
			return conflict("", "A %s named %s exists already.", area.noun().word, name)
		}
	}
	return nil
}
