package match_test

import (
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

func exception(namespace string, labels map[string]string) aadpodidentity.Exception {
	return aadpodidentity.Exception{Meta: aadpodidentity.Meta{Namespace: namespace}, PodLabels: labels}
}

func TestExcepted(t *testing.T) {
	t.Parallel()
	pod := map[string]string{"app": "Collector", "tier": "system"}
	for name, c := range map[string]struct {
		list []aadpodidentity.Exception
		want bool
	}{
		"no exceptions":               {nil, false},
		"the value in another case":   {[]aadpodidentity.Exception{exception("ns", map[string]string{"app": "collector"})}, true},
		"one label of two":            {[]aadpodidentity.Exception{exception("ns", map[string]string{"app": "collector", "x": "y"})}, true},
		"one exception of two":        {[]aadpodidentity.Exception{exception("ns", map[string]string{"x": "y"}), exception("ns", map[string]string{"tier": "system"})}, true},
		"another value":               {[]aadpodidentity.Exception{exception("ns", map[string]string{"app": "web"})}, false},
		"the key in another case":     {[]aadpodidentity.Exception{exception("ns", map[string]string{"App": "collector"})}, false},
		"of another namespace":        {[]aadpodidentity.Exception{exception("other", map[string]string{"app": "collector"})}, false},
		"without labels":              {[]aadpodidentity.Exception{exception("ns", nil)}, false},
		"an empty value is no absent": {[]aadpodidentity.Exception{exception("ns", map[string]string{"absent": ""})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := match.Excepted("ns", pod, c.list); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func bound(namespace, selector, identity string) aadpodidentity.Binding {
	return aadpodidentity.Binding{Meta: aadpodidentity.Meta{Namespace: namespace, Name: identity + "-binding"}, Selector: selector, AzureIdentity: identity}
}

func TestManage(t *testing.T) {
	t.Parallel()
	kept := named("c", "kept", "", "")
	kept.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
	identities := []aadpodidentity.Identity{named("b", "two", "", ""), named("a", "two", "", ""), named("a", "one", "", ""), kept}
	bindings := []aadpodidentity.Binding{
		bound("a", "web", "two"), bound("a", "web", "two"), bound("a", "web", "one"), bound("a", "web", "gone"),
		bound("b", "web", "two"), bound("b", "web", "one"), bound("c", "web", "kept"),
		bound("a", "", "one"), bound("a", "Web", "one"),
	}
	for name, c := range map[string]struct {
		label           string
		force           bool
		have, kept      string
		bound, dangling int
	}{
		"own namespace":               {"web", true, "a/one a/two", "", 4, 1},
		"all namespaces":              {"web", false, "a/one a/two b/two", "c/kept", 7, 2},
		"the label's case counts":     {"WEB", true, "", "", 0, 0},
		"an empty label gets nothing": {"", true, "", "", 0, 0},
		"no binding of that selector": {"api", false, "", "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := match.Manage("a", c.label, c.force, bindings, identities)
			if names(got.Identities) != c.have || names(got.Kept) != c.kept || len(got.Bindings) != c.bound || len(got.Without) != c.dangling {
				t.Errorf("got %q, kept %q, %d bindings, %d without", names(got.Identities), names(got.Kept), len(got.Bindings), len(got.Without))
			}
		})
	}
}
