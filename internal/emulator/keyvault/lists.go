package keyvault

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"strongroom/internal/emulator/keyvault/store"
)

// maxPage is the largest page and the usual one.
const maxPage = 25

type pageOut struct {
	Value    []any   `json:"value"`
	NextLink *string `json:"nextLink"` // null on the last page, as the service has it
}

func list(c *call) (answer, *failure) {
	pending := c.area != Certificates || strings.EqualFold(c.query.Get("includePending"), "true")
	var rows []store.Row[*store.Version]
	items := map[*store.Version]*store.Item{}
	for _, item := range c.shelf().Items(store.Live, c.now) {
		v := item.Latest()
		if v.Pending && !pending {
			continue
		}
		items[v] = item
		rows = append(rows, store.Row[*store.Version]{Key: key(item), Value: v})
	}
	return c.page(rows, func(v *store.Version) (any, *failure) { return c.row(items[v], v, "") })
}

func listDeleted(c *call) (answer, *failure) {
	var rows []store.Row[*store.Version]
	items := map[*store.Version]*store.Item{}
	for _, item := range c.shelf().Items(store.Deleted, c.now) {
		v := item.Latest()
		items[v] = item
		rows = append(rows, store.Row[*store.Version]{Key: key(item), Value: v})
	}
	return c.page(rows, func(v *store.Version) (any, *failure) { return c.row(items[v], v, "") })
}

// versions come ordered by their random ids, so that no client mistakes the order for that of their making.
func versions(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	var rows []store.Row[*store.Version]
	for _, v := range item.Versions {
		if !v.Pending || c.area != Certificates {
			rows = append(rows, store.Row[*store.Version]{Key: v.ID, Value: v})
		}
	}
	slices.SortFunc(rows, func(a, b store.Row[*store.Version]) int { return cmp.Compare(a.Key, b.Key) })
	return c.page(rows, func(v *store.Version) (any, *failure) { return c.row(item, v, v.ID) })
}

// page answers one page of rows. With empty pages on, each page is announced by an empty one.
func (c *call) page(rows []store.Row[*store.Version], show func(*store.Version) (any, *failure)) (answer, *failure) {
	size, f := c.pageSize()
	if f != nil {
		return answer{}, f
	}
	mark, f := c.mark()
	if f != nil {
		return answer{}, f
	}
	out := pageOut{Value: []any{}}
	if c.traits.EmptyPages && !mark.Announced {
		out.NextLink = c.nextLink(marker{After: mark.After, Announced: true})
		return ok(out)
	}
	cut, next := store.Page(rows, mark.After, size)
	for _, v := range cut {
		shown, f := show(v)
		if f != nil {
			return answer{}, f
		}
		out.Value = append(out.Value, shown)
	}
	if next != "" {
		out.NextLink = c.nextLink(marker{After: next})
	}
	return ok(out)
}

func (c *call) pageSize() (int, *failure) {
	text := c.query.Get("maxresults")
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badParameter("maxresults must be a number from 1 to %d.", maxPage)
	}
	return n, nil
}

// marker is what a $skiptoken holds.
type marker struct {
	After     string `json:"NextMarker"`
	Target    int    `json:"TargetLocation"`
	Announced bool   `json:"Announced,omitempty"`
}

func (c *call) mark() (marker, *failure) {
	var m marker
	text := c.query.Get("$skiptoken")
	if text == "" {
		return m, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return m, badParameter("The $skiptoken is not one that was given out.")
	}
	return m, nil
}

// nextLink repeats the request with a marker, under the authority the client used.
func (c *call) nextLink(m marker) *string {
	raw, _ := json.Marshal(m) // strings and numbers cannot fail
	link := c.url("/"+strings.Join(segments(c.path), "/")) + "?api-version=" + url.QueryEscape(c.query.Get("api-version")) +
		"&$skiptoken=" + base64.RawURLEncoding.EncodeToString(raw)
	for _, kept := range []string{"maxresults", "includePending"} {
		if v := c.query.Get(kept); v != "" {
			link += "&" + kept + "=" + url.QueryEscape(v)
		}
	}
	return &link
}
