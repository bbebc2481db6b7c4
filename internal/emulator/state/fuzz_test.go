package state_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

// A document is taken whole or refused with its problems, each with a place and no value; no file beside it is read but
// those below its folder.
func FuzzParse(f *testing.F) {
	f.Add([]byte("tenants: [{domain: contoso.example}]\nvaults: [{name: kv, secrets: [{name: a, value: Pl4ntedS3cret}]}]\n"))
	f.Add([]byte("tenants: &a [*a]\nnodes: [{name: n}, {name: n}]\nissuers: [{jwksFile: ../x}]\n"))
	f.Add([]byte("# nothing\n"))
	f.Add([]byte("faults: [{service: entra, status: 99999, latency: -1s}]\nunknown: Pl4ntedS3cret\n"))
	f.Add([]byte("? [a]\n: b\n--- x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		beside := fstest.MapFS{"keys.json": {Data: []byte(`{"keys":[]}`)}}
		_, err := state.Parse(text, beside)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		list, err := state.ParseFaults(text)
		if err != nil && (fault.KindOf(err) != fault.Invalid || strings.Contains(fault.Explain(err), "\n")) {
			t.Fatal(err)
		}
		for _, one := range list {
			if err == nil && one.Check().AsError() != nil {
				t.Fatalf("%+v", one)
			}
		}
	})
}
