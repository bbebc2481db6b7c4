package match_test

import (
	"strings"
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

func named(namespace, name, client, resource string) aadpodidentity.Identity {
	return aadpodidentity.Identity{
		Meta:     aadpodidentity.Meta{Namespace: namespace, Name: name},
		ClientID: client, ResourceID: resource,
	}
}

func names(list []aadpodidentity.Identity) string {
	var all []string
	for _, i := range list {
		all = append(all, i.Namespace+"/"+i.Name)
	}
	return strings.Join(all, " ")
}

func TestChoose(t *testing.T) {
	t.Parallel()
	three := []aadpodidentity.Identity{
		named("b", "a", "CLIENT-1", "/subscriptions/S/x"),
		named("a", "b", "client-2", "/subscriptions/s/y"),
		named("a", "a", "", ""),
	}
	for name, c := range map[string]struct {
		from []aadpodidentity.Identity
		ask  match.Ask
		want string
	}{
		"unnamed: the first by namespace and name":       {three, match.Ask{}, "a/a"},
		"client id in another case":                      {three, match.Ask{ClientID: "client-1"}, "b/a"},
		"resource id in another case":                    {three, match.Ask{ResourceID: "/SUBSCRIPTIONS/S/Y/"}, "a/b"},
		"client id before resource id":                   {three, match.Ask{ClientID: "client-1", ResourceID: "/subscriptions/s/y"}, "b/a"},
		"a client id that is not there ends it":          {three, match.Ask{ClientID: "other", ResourceID: "/subscriptions/s/y"}, ""},
		"resource id before object id":                   {three, match.Ask{ResourceID: "/subscriptions/s/y", ObjectID: "o"}, "a/b"},
		"object id: all of them, in order":               {three, match.Ask{ObjectID: "o"}, "a/a a/b b/a"},
		"a client id is no resource id":                  {three, match.Ask{ResourceID: "client-2"}, ""},
		"a resource id is no client id":                  {three, match.Ask{ClientID: "/subscriptions/s/y"}, ""},
		"nothing to choose from":                         {nil, match.Ask{}, ""},
		"nothing to choose from, by client":              {nil, match.Ask{ClientID: "c"}, ""},
		"nothing to choose from, by object":              {nil, match.Ask{ObjectID: "c"}, ""},
		"identities without ids are not what is named":   {three[2:], match.Ask{ClientID: "c"}, ""},
		"identities without ids are not named by a mark": {three[2:], match.Ask{ResourceID: "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := names(match.Choose(c.from, c.ask)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if names(three) != "b/a a/b a/a" {
		t.Error("the candidates' own order was changed")
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	annotated := named("b", "kept", "", "")
	annotated.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
	list := []aadpodidentity.Identity{named("a", "own", "", ""), named("b", "free", "", ""), annotated}
	for _, c := range []struct {
		namespace     string
		force         bool
		allowed, kept string
	}{
		{"a", false, "a/own b/free", "b/kept"},
		{"a", true, "a/own", "b/free b/kept"},
		{"b", false, "a/own b/free b/kept", ""},
		{"b", true, "b/free b/kept", "a/own"},
	} {
		allowed, kept := match.Allowed(c.namespace, c.force, list)
		if names(allowed) != c.allowed || names(kept) != c.kept {
			t.Errorf("%s, force %v: got %q and %q", c.namespace, c.force, names(allowed), names(kept))
		}
	}
}

func TestAsksNameThemselves(t *testing.T) {
	t.Parallel()
	for want, ask := range map[string]match.Ask{
		"client_id c":               {ClientID: "c", ResourceID: "r"},
		"msi_res_id r":              {ResourceID: "r", ObjectID: "o"},
		"object_id o":               {ObjectID: "o"},
		"no identity in particular": {},
	} {
		if ask.String() != want || ask.Named() != (ask != match.Ask{}) || ask.ByObject() != (want == "object_id o") {
			t.Errorf("%+v is %q", ask, ask)
		}
	}
}
