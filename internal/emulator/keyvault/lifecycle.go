package keyvault

import (
	"net/http"

	"strongroom/internal/emulator/keyvault/store"
)

// remove soft-deletes the object, and with a certificate what backs it.
func remove(c *call) (answer, *failure) {
	k := c.area.noun()
	item, state := c.shelf().Look(c.name(), c.now)
	switch state {
	case store.Deleting:
		return answer{}, k.beingDeleted()
	case store.Recovering:
		return answer{}, k.beingRecovered()
	case store.Missing, store.Deleted:
		return answer{}, k.notFound(c.name())
	}
	if c.area != Certificates && item.Latest().Managed {
		return answer{}, k.managed("delete", item.Name)
	}
	c.data.WithBacking(c.shelf(), item, func(_ *store.Shelf, i *store.Item) { i.Delete(c.terms(), c.now) })
	return c.deletedAnswer(item)
}

func getDeleted(c *call) (answer, *failure) {
	item, f := c.gone()
	if f != nil {
		return answer{}, f
	}
	if c.area == Secrets && !item.Latest().Enabled {
		return answer{}, disabled()
	}
	return c.deletedAnswer(item)
}

// recoverDeleted answers with the live object's bundle, though the object may take a while to come back.
func recoverDeleted(c *call) (answer, *failure) {
	item, f := c.movable("recover")
	if f != nil {
		return answer{}, f
	}
	c.data.WithBacking(c.shelf(), item, func(_ *store.Shelf, i *store.Item) { i.Restore(c.terms(), c.now) })
	out, f := c.bundle(c.area, item, item.Latest())
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

func purge(c *call) (answer, *failure) {
	item, f := c.movable("purge")
	if f != nil {
		return answer{}, f
	}
	if c.traits.PurgeProtection {
		return answer{}, forbidden("", "Operation \"purge\" is not allowed because purge protection is enabled for this "+
			"vault. Key Vault service will automatically purge it after the retention period has passed.")
	}
	c.data.WithBacking(c.shelf(), item, func(s *store.Shelf, i *store.Item) { s.Remove(i.Name) })
	return answer{status: http.StatusNoContent}, nil
}

// gone finds a deleted object once its deletion is through.
func (c *call) gone() (*store.Item, *failure) {
	item, state := c.shelf().Look(c.name(), c.now)
	if state != store.Deleted {
		return nil, c.area.noun().deletedNotFound(c.name())
	}
	return item, nil
}

// movable finds a deleted object that may be recovered or purged by itself.
func (c *call) movable(operation string) (*store.Item, *failure) {
	if _, state := c.shelf().Look(c.name(), c.now); state == store.Deleting {
		return nil, c.area.noun().beingDeleted()
	}
	item, f := c.gone()
	if f == nil && c.area != Certificates && item.Latest().Managed {
		return nil, c.area.noun().managed(operation, item.Name)
	}
	return item, f
}

func (c *call) deletedAnswer(item *store.Item) (answer, *failure) {
	out, f := c.bundle(c.area, item, item.Latest())
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}
