package mic

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/fault"
)

// A ledger that is read is written back as the same; whoever edits the object cannot make it name what is no machine.
func FuzzLedger(f *testing.F) {
	const vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/n"
	f.Add("1", `["/subscriptions/s/x"]`, `{"id":"`+vm+`","owned":{"0":5},"url":"u","began":3,"add":[0],"remove":[0]}`)
	f.Add("1", `[]`, `{"id":"`+vm+`","owned":{"0":5}}`)
	f.Add("1", `["a","a"]`, `{"id":"`+vm+`","add":[-1]}`)
	f.Add("2", "null", "null")
	f.Fuzz(func(t *testing.T, format, ids, line string) {
		entries, err := decode(map[string]string{formatKey: format, identitiesKey: ids, machinePrefix + "1": line, "else": line})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || entries != nil {
				t.Fatal(err)
			}
			return
		}
		for key, e := range entries {
			if at, ok := machineOf(e.At.ID()); !ok || at.Key() != key {
				t.Fatalf("%q is no machine", key)
			}
		}
		again, err := decode(encode(entries))
		if diff := cmp.Diff(entries, again); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
