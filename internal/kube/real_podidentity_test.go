//go:build e2e

package kube

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"strongroom/api/aadpodidentity"
	"strongroom/api/aadpodidentity/crd"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

const realID = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n"

func podIdentityClient(t *testing.T) (*Client, string) {
	t.Helper()
	c := realClient(t)
	if err := c.ApplyCRDs(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
	return c, namespace(t, c)
}

// TestRealPodIdentity holds the rule on resource ids to what it must refuse and must let be.
func TestRealPodIdentity(t *testing.T) {
	c, ns := podIdentityClient(t)
	object := func(name, spec string) []byte {
		return []byte(`{"apiVersion":"aadpodidentity.k8s.io/v1","kind":"AzureIdentity","metadata":{"name":"` + name + `"},"spec":` + spec + `}`)
	}
	try := func(spec string) error {
		_, err := c.raw(t.Context(), call{verb: http.MethodPost, path: identities.at(ns, ""), params: map[string]string{"dryRun": "All"}, body: object("x", spec)})
		return err
	}
	for spec, fine := range map[string]bool{
		`{"resourceID":"` + realID + `"}`: true, `{"type":0,"ResourceID":"` + realID + `"}`: true, `{"type":0,"resourceID":"` + strings.ToUpper(realID) + `"}`: true,
		`{"resourceID":"https://example` + realID + `/"}`: true, `{"type":0}`: true, `{}`: true, `{"resourceID":""}`: true,
		`{"type":1,"resourceID":"n"}`: true, `{"type":2,"ResourceID":"n"}`: true, `{"resourceID":"` + realID + `","ResourceID":"n"}`: true,
		`{"resourceID":"n"}`: false, `{"type":0,"ResourceID":"n"}`: false, `{"resourceID":"","ResourceID":"n"}`: false,
		`{"type":0,"resourceID":"n","ResourceID":"` + realID + `"}`: false,
	} {
		err := try(spec)
		if fine != (err == nil) || !fine && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "resourceID is not that of a user-assigned identity")) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	// One from before there was a rule: it comes in as another type, and is what no rule let in once the type is changed
	// without it. So the rule is taken off for a moment.
	old := string(crd.YAML())
	begin, end := strings.Index(old, "            x-kubernetes-validations:"), strings.Index(old, "userAssignedIdentities/NAME\n            properties:")
	if begin < 0 || end < begin {
		t.Fatal("the rule is not where it was")
	}
	without := old[:begin] + old[end+len("userAssignedIdentities/NAME\n"):]
	if err := c.ApplyCRDs(t.Context(), []byte(without)); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if try(`{"resourceID":"n"}`) == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	create(t, c, identities.at(ns, ""), string(object("old", `{"resourceID":"n","clientID":"c"}`)))
	create(t, c, identities.at(ns, ""), string(object("older", `{"type":0,"ResourceID":"n","ClientID":"c"}`)))
	if err := c.ApplyCRDs(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if try(`{"resourceID":"n"}`) != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	patch := func(name, body string) error {
		_, err := c.raw(t.Context(), call{verb: http.MethodPatch, path: identities.at(ns, name), media: types.MergePatchType, body: []byte(body)})
		return err
	}
	for _, name := range []string{"old", "older"} {
		for _, let := range []string{`{"metadata":{"labels":{"a":"b"}}}`, `{"spec":{"clientID":"d"}}`, `{"spec":{"type":1}}`} {
			if err := patch(name, let); err != nil {
				t.Errorf("%s %s: %v", name, let, err)
			}
		}
		if err := patch(name, `{"spec":{"type":0}}`); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s becomes one of type 0 anew: %v", name, err)
		}
		if err := c.WriteIdentityStatus(t.Context(), ns, name, []secretsstore.Condition{awaited}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := patch("old", `{"spec":{"type":0,"resourceID":"m"}}`); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another bad one: %v", err)
	}
}

// TestRealPodIdentityIsKept sends what programs and people write and looks for what the server dropped.
func TestRealPodIdentityIsKept(t *testing.T) {
	c, ns := podIdentityClient(t)
	raw, err := os.ReadFile("../../api/aadpodidentity/testdata/assigned.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []struct {
		kind resource
		text string
	}{
		{assignedIdentities, string(raw)},
		{identities, `{"kind":"AzureIdentity","spec":{"type":1,"TenantID":"t","ClientID":"c","ClientPassword":{"Name":"s","Namespace":"n"},"AuxiliaryTenantIDs":["a"],"ADEndpoint":"e","ResourceID":"r","metadata":{"creationTimestamp":null},"replicas":null},"status":{"availableReplicas":0,"metadata":{"creationTimestamp":null}}}`},
		{bindings, `{"kind":"AzureIdentityBinding","spec":{"AzureIdentity":"i","Selector":"s","weight":1}}`},
		{exceptions, `{"kind":"AzurePodIdentityException","spec":{"PodLabels":{"a":"b"},"podLabels":{"c":"d"}},"status":{"status":""}}`},
	} {
		var sent, kept map[string]any
		if err := json.Unmarshal([]byte(object.text), &sent); err != nil {
			t.Fatal(err)
		}
		sent["apiVersion"], sent["metadata"] = aadpodidentity.APIVersion, map[string]any{"name": "sample"}
		if err := c.answered(t.Context(), call{verb: http.MethodPost, path: object.kind.at(ns, ""), params: map[string]string{"fieldValidation": "Strict"}, body: sent}, &kept); err != nil {
			t.Errorf("%s: %v", object.kind.plural, err)
			continue
		}
		for _, part := range []string{"spec", "status"} {
			if diff := cmp.Diff(sent[part], kept[part]); diff != "" {
				t.Errorf("%s %s: %s", object.kind.plural, part, diff)
			}
		}
	}
}

func TestRealAssignedIdentities(t *testing.T) {
	c, ns := podIdentityClient(t)
	s := c.AssignedIdentities(ns)
	told := make(chan string, 1000)
	s.OnChange(func(_, pod string) { told <- pod })
	running(t, s.Run)
	a := assignedTo(ns, "web-0")
	a.Namespace = ns
	a, err := s.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	next(t, told)
	if _, err := s.Create(t.Context(), a); fault.KindOf(err) != fault.Busy {
		t.Error(err)
	}
	if diff := cmp.Diff([]aadpodidentity.AssignedIdentity{a}, s.Of("shop", "web-0")); diff != "" {
		t.Error(diff)
	}
	if err := s.SetState(t.Context(), a, aadpodidentity.Assigned); err != nil {
		t.Fatal(err)
	}
	next(t, told)
	another := a
	another.UID = "00000000-0000-4000-8000-000000000000"
	if err := s.SetState(t.Context(), another, aadpodidentity.Created); fault.KindOf(err) != fault.Busy {
		t.Errorf("another one: %v", err)
	}
	if _, err := s.Replace(t.Context(), a); fault.KindOf(err) != fault.Busy {
		t.Errorf("an old state: %v", err)
	}
	if err := s.Delete(t.Context(), another); err != nil || len(s.Of("shop", "web-0")) != 1 {
		t.Errorf("another one: %v", err)
	}
	stale := s.Of("shop", "web-0")[0]
	stale.Deleting, stale.UID = true, another.UID
	if err := s.Delete(t.Context(), stale); err != nil || len(s.Of("shop", "web-0")) != 1 {
		t.Errorf("another one on its way out: %v", err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	for len(s.Of("shop", "web-0")) > 0 {
		next(t, told)
	}
	if _, err := s.Replace(t.Context(), a); fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Busy {
		t.Error(err)
	}
	bare, err := s.Create(t.Context(), func() aadpodidentity.AssignedIdentity {
		b := assignedTo(ns, "web-1")
		b.Namespace, b.Finalizers = ns, nil
		return b
	}())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), bare); err != nil {
		t.Error(err)
	}
}

func TestRealLedgerAndConditions(t *testing.T) {
	c, ns := podIdentityClient(t)
	one, two := c.Ledger(ns, "ledger"), c.Ledger(ns, "ledger")
	for _, l := range []*Ledger{one, two} {
		if _, err := l.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Save(t.Context(), map[string]string{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	if err := two.Save(t.Context(), nil); fault.KindOf(err) != fault.Busy {
		t.Error(err)
	}
	if err := one.Save(t.Context(), map[string]string{"b": "2"}); err != nil {
		t.Error(err)
	}
	if entries, err := two.Load(t.Context()); err != nil || len(entries) != 1 || entries["b"] != "2" {
		t.Error(entries, err)
	}
	pod := create(t, c, pods.at(ns, ""), `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"aadpodidbinding":"vault"}},"spec":{"nodeName":"`+ns+`","containers":[{"name":"a","image":"b"}]}}`)
	for range 2 {
		if err := c.WritePodCondition(t.Context(), ns, "web", pod.UID, awaited); err != nil {
			t.Error(err)
		}
	}
	if err := c.WritePodCondition(t.Context(), ns, "web", "00000000-0000-4000-8000-000000000000", awaited); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	if err := c.WritePodCondition(t.Context(), ns, "none", pod.UID, awaited); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	b := c.BoundPods()
	heard := make(chan struct{}, 1000)
	b.OnChange(func() { heard <- struct{}{} })
	running(t, b.Run)
	next(t, heard)
	if list := b.List(); len(list) != 1 || list[0].UID != pod.UID || list[0].Binding != "vault" || list[0].Node != ns {
		t.Errorf("%+v", list)
	}
	if stands, err := c.daemonSetStands(t.Context(), ns, "none"); err != nil || stands {
		t.Error(stands, err)
	}
}
