package nmi

import (
	"net/url"
	"strings"
)

// read takes an errand out of the query: the first value of each parameter, and either spelling of the resource id. It
// reads what url.Values would, without making a map of it.
func read(query string) errand {
	var e errand
	var otherID, fresh string
	wanted := [...]struct {
		name string
		to   *string
		seen bool
	}{
		{name: "resource", to: &e.resource}, {name: "client_id", to: &e.ask.ClientID}, {name: "msi_res_id", to: &e.ask.ResourceID},
		{name: "mi_res_id", to: &otherID}, {name: "object_id", to: &e.ask.ObjectID}, {name: "bypass_cache", to: &fresh},
	}
	for query != "" {
		var one string
		one, query, _ = strings.Cut(query, "&")
		if strings.Contains(one, ";") {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		name, err := url.QueryUnescape(name)
		for i := range wanted {
			w := &wanted[i]
			if err != nil || w.name != name || w.seen {
				continue
			}
			if value, err := url.QueryUnescape(value); err == nil {
				*w.to, w.seen = value, true
			}
		}
	}
	if e.ask.ResourceID == "" {
		e.ask.ResourceID = otherID
	}
	e.fresh = strings.EqualFold(fresh, "true")
	return e
}
