package match_test

import (
	"fmt"
	"strings"
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

const good = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"

func identity(namespace, name string, change ...func(*aadpodidentity.Identity)) aadpodidentity.Identity {
	i := aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: namespace, Name: name}, ResourceID: good + name, ClientID: "c-" + name}
	for _, c := range change {
		c(&i)
	}
	return i
}

func binding(namespace, name, to, selector string) aadpodidentity.Binding {
	return aadpodidentity.Binding{Meta: aadpodidentity.Meta{Namespace: namespace, Name: name}, AzureIdentity: to, Selector: selector}
}

func pod(namespace, name, label string) *match.Pod {
	return &match.Pod{Namespace: namespace, Name: name, Binding: label, Node: "n"}
}

func spell(wanted []match.Wanted) string {
	var lines []string
	for _, w := range wanted {
		lines = append(lines, fmt.Sprintf("%s/%s has %s/%s in %s as %s", w.Pod.Namespace, w.Pod.Name, w.Identity.Namespace, w.Identity.Name, w.Namespace, w.Name))
	}
	return strings.Join(lines, "\n")
}

func namespaced(i *aadpodidentity.Identity) {
	i.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
}

func TestWhoHasWhat(t *testing.T) {
	t.Parallel()
	finished, unplaced := pod("a", "done", "x"), pod("a", "unplaced", "x")
	finished.Finished, unplaced.Node = true, ""
	for name, test := range map[string]struct {
		pods       []*match.Pod
		bindings   []aadpodidentity.Binding
		identities []aadpodidentity.Identity
		force      bool
		want       string
	}{
		"one": {[]*match.Pod{pod("a", "p", "x")}, []aadpodidentity.Binding{binding("b", "b1", "i", "x")}, []aadpodidentity.Identity{identity("b", "i")}, false,
			"a/p has b/i in default as p-a-i"},
		"exact and case-sensitive": {[]*match.Pod{pod("a", "p", "X"), pod("a", "q", ""), finished, unplaced},
			[]aadpodidentity.Binding{binding("b", "b1", "i", "x"), binding("b", "b2", "i", "")}, []aadpodidentity.Identity{identity("b", "i")}, false, ""},
		"forced": {[]*match.Pod{pod("a", "p", "x"), pod("b", "p", "x")}, []aadpodidentity.Binding{binding("b", "b1", "i", "x")}, []aadpodidentity.Identity{identity("b", "i")}, true,
			"b/p has b/i in b as p-b-i"},
		"by its own annotation": {[]*match.Pod{pod("a", "p", "x"), pod("b", "p", "x")}, []aadpodidentity.Binding{binding("b", "b1", "i", "x")},
			[]aadpodidentity.Identity{identity("b", "i", namespaced)}, false, "b/p has b/i in b as p-b-i"},
		"an identity of another namespace than its binding": {[]*match.Pod{pod("a", "p", "x")}, []aadpodidentity.Binding{binding("b", "b1", "i", "x")},
			[]aadpodidentity.Identity{identity("c", "i")}, false, ""},
		"one name in two namespaces": {[]*match.Pod{pod("a", "p", "x")}, []aadpodidentity.Binding{binding("z", "b", "i", "x"), binding("b", "b", "i", "x")},
			[]aadpodidentity.Identity{identity("z", "i"), identity("b", "i")}, false, "a/p has b/i in default as p-a-i\na/p has z/i in default as p-a-i-#"},
		"joins that are one": {[]*match.Pod{pod("b-c", "a", "x"), pod("c", "a-b", "x")}, []aadpodidentity.Binding{binding("b", "b", "i", "x")},
			[]aadpodidentity.Identity{identity("b", "i")}, false, "b-c/a has b/i in default as a-b-c-i\nc/a-b has b/i in default as a-b-c-i-#"},
		"two bindings of one identity": {[]*match.Pod{pod("a", "p", "x")}, []aadpodidentity.Binding{binding("b", "b2", "i", "x"), binding("b", "b1", "i", "x")},
			[]aadpodidentity.Identity{identity("b", "i")}, false, "a/p has b/i in default as p-a-i"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wanted, _ := match.Desired(test.pods, test.bindings, test.identities, test.force)
			got := spell(wanted)
			for _, w := range wanted {
				if plain := match.AssignedName(w.Pod, w.Identity); w.Name != plain {
					got = strings.Replace(got, strings.TrimPrefix(w.Name, plain), "-#", 1)
				}
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestIdentitiesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for text, change := range map[string]func(*aadpodidentity.Identity){
		"clientID is empty":   func(i *aadpodidentity.Identity) { i.ClientID = " " },
		"it is empty":         func(i *aadpodidentity.Identity) { i.ResourceID = "" },
		"type 3 is none of":   func(i *aadpodidentity.Identity) { i.Type = 3 },
		"has 7 parts":         func(i *aadpodidentity.Identity) { i.ResourceID = strings.TrimSuffix(good, "/") },
		"does not begin with": func(i *aadpodidentity.Identity) { i.ResourceID = "https://portal" + good + "x" },
		`has "virtualmachines"`: func(i *aadpodidentity.Identity) {
			i.ResourceID = strings.Replace(good, "userAssignedIdentities", "virtualMachines", 1) + "x"
		},
		"has no proper subscription": func(i *aadpodidentity.Identity) { i.ResourceID = strings.Replace(good, "/s/", "//", 1) + "x" },
		"has no proper name":         func(i *aadpodidentity.Identity) { i.ResourceID = good + "a?b" },
	} {
		wanted, problems := match.Desired([]*match.Pod{pod("a", "p", "x")}, []aadpodidentity.Binding{binding("b", "b", "i", "x")},
			[]aadpodidentity.Identity{identity("b", "i", change)}, false)
		if len(wanted) != 0 || len(problems) != 1 || problems[0].Identity == nil || !strings.Contains(problems[0].Err.Error(), text) ||
			fault.KindOf(problems[0].Err) != fault.Invalid || len(fault.Remedies(problems[0].Err)) == 0 {
			t.Errorf("%s: %v %v", text, wanted, problems)
		}
	}
	_, problems := match.Desired([]*match.Pod{pod("a", "p", "x"), pod("a", "q", "x")}, []aadpodidentity.Binding{binding("b", "b", "i", "x")}, nil, false)
	if len(problems) != 1 || problems[0].Binding == nil || fault.KindOf(problems[0].Err) != fault.NotFound {
		t.Errorf("a missing identity: %v", problems)
	}
}

func TestResourceIDsAreOneInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{good + "N", strings.ToUpper(good) + "n", " " + good + "n/ "} {
		if got, err := match.ParseResourceID(strings.TrimSpace(text)); err != nil || got != strings.ToLower(good)+"n" {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

func TestNamesFitAnAPIServer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 120)
	p, q := pod(long, long, "x"), pod(long, long+"2", "x")
	i := identity("b", long)
	a, b := match.AssignedName(p, &i), match.AssignedName(q, &i)
	if len(a) > 253 || a == b || strings.HasSuffix(a[:len(a)-11], "-") {
		t.Errorf("%s\n%s", a, b)
	}
	node := strings.Repeat("a", 60) + ".example.com"
	if got := match.NodeLabel(node); len(got) > 63 || got == match.NodeLabel(node+"x") || match.NodeLabel("node-1") != "node-1" {
		t.Errorf("%s", got)
	}
}

func BenchmarkDesired(b *testing.B) {
	var pods []*match.Pod
	var bindings []aadpodidentity.Binding
	var identities []aadpodidentity.Identity
	for i := range 50 {
		name := fmt.Sprint("i", i)
		identities = append(identities, identity("b", name))
		bindings = append(bindings, binding("b", name, name, name))
	}
	for i := range 20000 {
		pods = append(pods, pod(fmt.Sprint("ns", i%40), fmt.Sprint("p", i), fmt.Sprint("i", i%50)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if wanted, _ := match.Desired(pods, bindings, identities, false); len(wanted) != len(pods) {
			b.Fatal(len(wanted))
		}
	}
}
