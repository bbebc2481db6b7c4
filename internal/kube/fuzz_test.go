package kube

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"strongroom/api/aadpodidentity"
)

// One object that cannot be read costs none of the others, means nothing itself, and keeps its name.
func FuzzPodIdentityList(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"x","namespace":"n"},"spec":{"type":0,"resourceID":"/r","clientID":"c"}}`))
	f.Add([]byte(`{"metadata":{"name":1},"spec":[]}`))
	f.Add([]byte(`{"metadata":{"name":"x"},"spec":{"podLabels":5,"selector":{},"azureIdentity":null}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, one []byte) {
		if !json.Valid(one) {
			return // the codec refuses the whole answer by itself
		}
		list := []byte(`{"items":[{"metadata":{"name":"before"},"spec":{"azureIdentity":"i","selector":"s"}},` + string(one) + `,{"metadata":{"name":"after"},"spec":{"azureIdentity":"i","selector":"s"}}]}`)
		hold[aadpodidentity.Identity](t, list)
		hold[aadpodidentity.Exception](t, list)
		hold[aadpodidentity.AssignedIdentity](t, list)
		for i, b := range hold[aadpodidentity.Binding](t, list) {
			if i != 1 && (b.item.Selector != "s" || b.wrong != nil) || b.wrong != nil && b.item.Selector+b.item.AzureIdentity != "" {
				t.Errorf("%d: %+v, %v", i, b.item, b.wrong)
			}
		}
	})
}

func hold[T any](t *testing.T, raw []byte) []decoded[T] {
	t.Helper()
	var list decodedList[T]
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Items) != 3 || list.Items[0].Name != "before" || list.Items[2].Name != "after" {
		t.Fatalf("%v: %d items of %s", err, len(list.Items), raw)
	}
	return list.Items
}

// A pod that asks for tokens is known by addresses that are written in one way each, and never by the node's.
func FuzzLocalPod(f *testing.F) {
	f.Add([]byte(`{"metadata":{"uid":"u","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]},"status":{"podIP":"10.0.0.1","podIPs":[{"ip":"::ffff:10.0.0.1"},{"ip":"fe80::1%eth0"}]}}`))
	f.Add([]byte(`{"spec":{"hostNetwork":true},"status":{"podIP":"10.0.0.1","phase":"Failed"}}`))
	f.Add([]byte(`{"status":{"podIP":"010.0.0.1"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var o corev1.Pod
		if json.Unmarshal(raw, &o) != nil {
			return
		}
		p := localPod(&o, nil)
		seen := map[string]bool{}
		for _, ip := range p.IPs {
			text := ip.String()
			if !ip.IsValid() || ip.Is4In6() || seen[text] || p.HostNetwork {
				t.Errorf("%v of %s", p.IPs, raw)
			}
			seen[text] = true
		}
		if whole := pod(&o); whole.Meta.UID != p.UID || strings.Contains(whole.Meta.Name, "\x00") && !strings.Contains(p.Name, "\x00") {
			t.Errorf("%+v", whole)
		}
	})
}
