package keyvault

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"strongroom/internal/emulator/keyvault/store"
)

// call is one authorised request, with the vault locked.
type call struct {
	data   *store.Vault
	traits Traits
	host   string // as the client wrote it, with port
	now    time.Time
	area   Area
	path   string
	vars   map[string]string
	query  url.Values
	body   []byte
}

// answer is a good outcome. A nil body sends none.
type answer struct {
	status int
	body   any
	header map[string]string
}

// operation does what a route is for.
type operation func(*call) (answer, *failure)

func ok(body any) (answer, *failure) { return answer{status: http.StatusOK, body: body}, nil }

func (c *call) name() string { return c.vars["name"] }

// url is an absolute address in this vault, under the authority the client used.
func (c *call) url(path string) string { return "https://" + c.host + path }

// id is the identifier of an object, or of a version when one is given.
func (c *call) id(area Area, name, version string) string {
	id := c.url("/" + string(area) + "/" + name)
	if version != "" {
		id += "/" + version
	}
	return id
}

func (c *call) shelf() *store.Shelf { return shelfOf(c.data, c.area) }

func shelfOf(v *store.Vault, area Area) *store.Shelf {
	switch area {
	case Keys:
		return &v.Keys
	case Certificates:
		return &v.Certificates
	}
	return &v.Secrets
}

// decode reads the JSON body. An empty body leaves into as it is.
func (c *call) decode(into any) *failure {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return badParameter("The request body is not the JSON expected here.")
	}
	return nil
}

// live finds the object the path names, or says why it cannot be had.
func (c *call) live() (*store.Item, *failure) {
	item, state := c.shelf().Look(c.name(), c.now)
	if state != store.Live {
		return nil, c.area.noun().notFound(c.name())
	}
	return item, nil
}

// version finds the version the path names, the latest when it names none.
func (c *call) version() (*store.Item, *store.Version, *failure) {
	item, f := c.live()
	if f != nil {
		return nil, nil, f
	}
	v := item.Version(c.vars["version"])
	if v == nil {
		return nil, nil, c.area.noun().notFound(c.name() + "/" + c.vars["version"])
	}
	return item, v, nil
}

// free says why a new version of the named object cannot be made on a shelf; nil when it can.
func (c *call) free(area Area, name string) *failure {
	item, state := shelfOf(c.data, area).Look(name, c.now)
	switch state {
	case store.Deleted:
		return area.noun().recoverable(name)
	case store.Deleting:
		return area.noun().beingDeleted()
	case store.Recovering:
		return area.noun().beingRecovered()
	case store.Live:
		if item.Latest().Managed && c.area != Certificates {
			return area.noun().managed(string(Create), name)
		}
	}
	return nil
}

func (c *call) terms() store.Terms {
	return store.Terms{Settling: c.traits.Settling, Retention: time.Duration(c.traits.retentionDays()) * 24 * time.Hour}
}
