package nmi

import (
	"net/url"
	"strings"
	"testing"

	"strongroom/internal/podid/match"
)

// reference reads a query as net/url does.
func reference(text string) errand {
	query, _ := url.ParseQuery(text) // what cannot be read is left out, and the rest counts
	e := errand{resource: query.Get("resource"), fresh: strings.EqualFold(query.Get("bypass_cache"), "true")}
	e.ask = match.Ask{ClientID: query.Get("client_id"), ResourceID: query.Get("msi_res_id"), ObjectID: query.Get("object_id")}
	if e.ask.ResourceID == "" {
		e.ask.ResourceID = query.Get("mi_res_id")
	}
	return e
}

func FuzzAQueryIsReadAsTheStandardLibraryReadsIt(f *testing.F) {
	for _, text := range []string{
		"", "&", "=", "resource", "resource=", "resource=a&resource=b", "resource=&resource=b", "resource=a;b&resource=c", "resource=%zz&resource=c",
		"%72esource=a+b%2Fc", "resource=a=b&client_id=%41&client_id=", "msi_res_id=&mi_res_id=x", "mi_res_id=x&msi_res_id=y", "bypass_cache=TRUE",
		"object_id=o&RESOURCE=no", "client_id=%", "client%5Fid=1&;client_id=2&client_id=3", "resource=%00&a;b", "%zz=1&resource=x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, want := read(text), reference(text)
		if got.resource != want.resource || got.ask != want.ask || got.fresh != want.fresh {
			t.Errorf("%q is read as %q %q %v, want %q %q %v", text, got.resource, got.ask, got.fresh, want.resource, want.ask, want.fresh)
		}
	})
}
