package aadpodidentity_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strongroom/api/aadpodidentity"
)

// Whatever a cluster holds, reading it ends without a panic, an object that cannot be read means nothing, and one that
// can be read is the same after it was written and read again.
func FuzzDecode(f *testing.F) {
	raw, err := os.ReadFile("testdata/assigned.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	for _, seed := range []string{
		`{}`, `null`, `{"metadata":{"name":"n"},"spec":{"ResourceID":"x","resourceID":""}}`, `{"spec":{"ClientPassword":{"Name":"n"},"clientPassword":null}}`,
		`{"spec":{"podLabels":{},"PodLabels":{"a":"b"}}}`, `{"spec":{"AzureIdentity":"i","Selector":"s"}}`, `{"spec":{"azureIdentityRef":{"spec":{"type":2}}},"status":{"status":"Created"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if i, err := aadpodidentity.DecodeIdentity(raw); err != nil && !cmp.Equal(i, aadpodidentity.Identity{Meta: i.Meta}) {
			t.Errorf("%+v with %v", i, err)
		}
		if b, err := aadpodidentity.DecodeBinding(raw); err != nil && b.Selector+b.AzureIdentity != "" {
			t.Errorf("%+v with %v", b, err)
		}
		if e, err := aadpodidentity.DecodeException(raw); err != nil && e.PodLabels != nil {
			t.Errorf("%+v with %v", e, err)
		}
		a, err := aadpodidentity.DecodeAssignedIdentity(raw)
		if err != nil {
			if !cmp.Equal(a, aadpodidentity.AssignedIdentity{Meta: a.Meta}) {
				t.Errorf("%+v with %v", a, err)
			}
			return
		}
		written, err := aadpodidentity.EncodeAssignedIdentity(a)
		if err != nil {
			t.Fatal(err)
		}
		again, err := aadpodidentity.DecodeAssignedIdentity(written)
		a.Deleting, a.Identity.Deleting, a.Binding.Deleting = false, false, false // nobody but the server writes that
		if diff := cmp.Diff(a, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
