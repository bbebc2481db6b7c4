package keyvault

import (
	"context"
	"net/url"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// perPage is what a page holds at most by contract; an answer may exceed it, the whole list may not exceed pages of it.
const perPage = 25

type page struct {
	Value []struct {
		ID         string     `json:"id"`
		KID        string     `json:"kid"` // a key's id
		Attributes attributes `json:"attributes"`
	} `json:"value"`
	NextLink string `json:"nextLink"`
}

// Versions lists an object's versions in the vault's order, which means nothing: sort by Created. It makes one request
// per page; before, when not nil, runs ahead of each (to count it, or to wait for a budget) and its error ends the list.
//
// Errors besides a page's own: a next page on another host or that was seen already is Unavailable and is not fetched,
// more pages than Config.MaxPages are Unsupported.
func (c *Client) Versions(ctx context.Context, v Vault, token secret.Value, kind secret.Kind, name string,
	before func(context.Context) error) ([]VersionItem, error) {
	what := call{vault: v, token: token, object: secret.Object{Kind: kind, Name: name}, list: true}
	p, err := path(what.object)
	if err != nil {
		return nil, err
	}
	var items []VersionItem
	seen := map[string]bool{}
	next := v.String() + p + "versions?api-version=" + APIVersion
	for range c.maxPages {
		if before != nil {
			if err := before(ctx); err != nil {
				return nil, err
			}
		}
		seen[next] = true
		got, err := c.page(ctx, what, next)
		if err != nil {
			return nil, err
		}
		if items, err = appendItems(items, what, got); err != nil {
			return nil, err
		}
		if got.NextLink == "" {
			return items, nil
		}
		if next, err = what.follow(got.NextLink); err != nil {
			return nil, err
		}
		if seen[next] {
			return nil, nonsense(what, "the list of versions comes back to a page it had")
		}
		if len(items) > c.maxPages*perPage {
			break
		}
	}
	return nil, fault.New(fault.Unsupported, what.subject(), "has more than %d pages of versions", c.maxPages).
		Mend("leave objectVersionHistory out, or store the value under a new name")
}

func (c *Client) page(ctx context.Context, what call, address string) (page, error) {
	body, err := c.get(ctx, what, address)
	if err != nil {
		return page{}, err
	}
	var got page
	return got, decode(what, body, &got)
}

func appendItems(items []VersionItem, what call, got page) ([]VersionItem, error) {
	for _, v := range got.Value {
		id := v.ID
		if id == "" {
			id = v.KID
		}
		version, ok := versionOf(id)
		if !ok {
			return nil, nonsense(what, "the list of versions holds an id without a version")
		}
		item := VersionItem{Version: version, Enabled: v.Attributes.enabled()}
		if v.Attributes.Created != nil {
			item.Created = time.Unix(*v.Attributes.Created, 0).UTC()
		}
		items = append(items, item)
	}
	return items, nil
}

// follow is the address of the next page if it is the vault's own. The host in it is then replaced by ours, since a
// vault writes its port where we do not.
func (c call) follow(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return "", nonsense(c, "the list of versions goes on at something that is no address")
	}
	if u.Scheme != "https" || u.User != nil || canonical(u) != c.vault.host {
		return "", nonsense(c, "the list of versions goes on at another host, which is never followed")
	}
	return c.vault.String() + u.EscapedPath() + "?" + u.RawQuery, nil
}
