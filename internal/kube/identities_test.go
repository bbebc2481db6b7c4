package kube

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
)

const podIdentityManifest = `
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: shop, name: b, uid: i2, labels: {a: b}, annotations: {aadpodidentity.k8s.io/Behavior: namespaced, note: x}}, spec: {resourceID: r, clientID: c}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: shop, name: a, uid: i1, annotations: {aadpodidentity.k8s.io/behavior: namespaced}}, spec: {ResourceID: R, ClientID: C}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentityBinding, metadata: {namespace: shop, name: x, uid: b1}, spec: {AzureIdentity: a, selector: s}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzurePodIdentityException, metadata: {namespace: other, name: e, uid: e1}, spec: {PodLabels: {app: mic}}}
`

// watchIdentities runs and waits until everything is known.
func watchIdentities(t *testing.T, w *world, which Watched) (*Identities, <-chan struct{}) {
	t.Helper()
	s := w.client.Identities(which)
	told := make(chan struct{}, 1000)
	s.OnChange(func() { told <- struct{}{} })
	running(t, s.Run)
	for range map[bool]int{true: 2}[which.Identities] + map[bool]int{true: 1}[which.Bindings] + map[bool]int{true: 1}[which.Exceptions] {
		next(t, told)
	}
	if !s.Synced() {
		t.Error("not synced")
	}
	return s, told
}

func TestPodIdentityIsListedInOrderAndWithoutBallast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(podIdentityManifest)
	s, told := watchIdentities(t, w, Watched{Identities: true, Bindings: true, Exceptions: true})
	silent(t, told)
	meta := func(namespace, name, uid string) aadpodidentity.Meta {
		return aadpodidentity.Meta{Namespace: namespace, Name: name, UID: uid}
	}
	unversioned := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ResourceVersion" }, cmp.Ignore())
	kept := meta("shop", "b", "i2")
	kept.Annotations = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}
	if diff := cmp.Diff([]aadpodidentity.Identity{
		{Meta: meta("shop", "a", "i1"), ResourceID: "R", ClientID: "C"}, {Meta: kept, ResourceID: "r", ClientID: "c"},
	}, s.Identities(), unversioned); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]aadpodidentity.Binding{{Meta: meta("shop", "x", "b1"), AzureIdentity: "a", Selector: "s"}}, s.Bindings(), unversioned); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]aadpodidentity.Exception{{Meta: meta("other", "e", "e1"), PodLabels: map[string]string{"app": "mic"}}}, s.Exceptions(), unversioned); diff != "" {
		t.Error(diff)
	}
	if s.Identities()[0].ResourceVersion == "" {
		t.Error("without the version that copies are made with")
	}
}

func TestOnlyWhatIsWatchedIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(podIdentityManifest)
	s, _ := watchIdentities(t, w, Watched{Exceptions: true})
	if len(s.Exceptions()) != 1 || s.Identities() != nil || s.Bindings() != nil || w.Count("", "azureidentities")+w.Count("", "azureidentitybindings") != 0 {
		t.Errorf("%v", w.Calls())
	}
}

func TestAChangeOfPodIdentityIsOneThatMatters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(podIdentityManifest)
	s := w.client.Identities(Watched{Identities: true})
	told := make(chan struct{}, 100)
	heard := news(s.identities)
	s.OnChange(func() { told <- struct{}{} })
	running(t, s.Run)
	for range 2 {
		next(t, heard)
		next(t, told)
	}
	w.opened(t, "azureidentities")
	change := func(what string, matters bool, manifest string) {
		t.Helper()
		w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: shop, name: a` + manifest)
		next(t, heard)
		if matters {
			next(t, told)
		}
		silent(t, told)
	}
	before := s.Identities()[0].ResourceVersion
	change("labels", false, `, labels: {gitops: "1"}}, spec: {ResourceID: R, ClientID: C}}`)
	change("the other spelling", false, `}, spec: {resourceID: R, clientID: C}}`)
	change("a status", false, `}, spec: {resourceID: R, clientID: C}, status: {conditions: [{type: A}]}}`)
	if s.Identities()[0].ResourceVersion == before {
		t.Error("the version has not followed")
	}
	change("another client", true, `}, spec: {resourceID: R, clientID: D}}`)
	change("kept to its namespace", true, `, annotations: {aadpodidentity.k8s.io/Behavior: namespaced}}, spec: {resourceID: R, clientID: D}}`)
	w.Expire()
	w.opened(t, "azureidentities")
	next(t, heard)
	next(t, heard)
	silent(t, told)
	w.Delete("azureidentities", "shop", "a")
	next(t, told)
	if len(s.Identities()) != 1 || !s.Heard(0) {
		t.Errorf("%+v", s.Identities())
	}
}

// What was deleted is known to have been there, also when its end was missed, until it is there again.
func TestWhatOfPodIdentityWasDeletedIsKnown(t *testing.T) {
	t.Parallel()
	for resource, c := range map[string]struct {
		which Watched
		name  string
		gone  func(s *Identities, namespace, name string) bool
	}{
		"azureidentities":       {Watched{Identities: true}, "a", (*Identities).IdentityGone},
		"azureidentitybindings": {Watched{Bindings: true}, "x", (*Identities).BindingGone},
	} {
		for _, missed := range []bool{false, true} {
			w := newWorld(t)
			w.Put(podIdentityManifest)
			s, told := watchIdentities(t, w, c.which)
			w.opened(t, resource)
			if c.gone(s, "shop", c.name) || c.gone(s, "shop", "never") {
				t.Errorf("%s: one is gone that is there, or never was", resource)
			}
			if missed {
				w.Stop()
			}
			w.Delete(resource, "shop", c.name)
			if missed {
				w.Expire()
				resume(t, w)
			}
			next(t, told)
			if !c.gone(s, "shop", c.name) || c.gone(s, "other", c.name) || c.gone(s, "shop", "b") {
				t.Errorf("%s: missed %v: what was deleted is not told from others", resource, missed)
			}
			if missed {
				w.opened(t, resource)
			}
			w.Put(podIdentityManifest)
			next(t, told)
			if c.gone(s, "shop", c.name) {
				t.Errorf("%s: it is there again", resource)
			}
		}
	}
}

func TestTheDepartedAreBounded(t *testing.T) {
	t.Parallel()
	var d departed
	for i := range mostDeparted + 10 {
		d.note(&aadpodidentity.Meta{Namespace: "shop", Name: strconv.Itoa(i)}, nil)
	}
	if len(d.names) != mostDeparted || !d.has("shop", strconv.Itoa(mostDeparted+9)) {
		t.Errorf("%d are remembered", len(d.names))
	}
}

func TestDefinitionsOfPodIdentityMayComeLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Undefine("azureidentitybindings")
	s := w.client.Identities(Watched{Bindings: true})
	told := make(chan struct{}, 100)
	s.OnChange(func() { told <- struct{}{} })
	running(t, s.Run)
	w.log.until(t, "cannot be watched, and is tried again azureidentitybindings")
	if s.Synced() || s.Heard(0) {
		t.Error("synced with nothing")
	}
	w.defineBindings(t)
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentityBinding, metadata: {namespace: shop, name: x}, spec: {azureIdentity: a, selector: s}}`)
	next(t, told)
	if list := s.Bindings(); len(list) != 1 || list[0].Selector != "s" {
		t.Errorf("%+v", list)
	}
}

func (w *world) defineBindings(t *testing.T) {
	t.Helper()
	if err := w.client.ApplyCRDs(t.Context(), []byte(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: azureidentitybindings.aadpodidentity.k8s.io}
spec: {group: aadpodidentity.k8s.io, names: {kind: AzureIdentityBinding, plural: azureidentitybindings}, versions: [{name: v1}]}
`)); err != nil {
		t.Fatal(err)
	}
}

// From before there were schemas, such objects may be left.
func TestOneObjectThatCannotBeReadHidesNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(podIdentityManifest)
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: shop, name: a}, spec: {type: "0", clientID: c}}`)
	s, _ := watchIdentities(t, w, Watched{Identities: true, Bindings: true, Exceptions: true})
	list := s.Identities()
	if len(list) != 2 || list[0].Name != "a" || list[0].ClientID != "" || list[1].ClientID != "c" {
		t.Errorf("%+v", list)
	}
	if loud := w.log.loud(); len(loud) != 1 || !strings.Contains(loud[0], "counts as if it said nothing") || !strings.Contains(loud[0], "shop/a: ") {
		t.Errorf("%q", loud)
	}
}
