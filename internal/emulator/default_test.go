package emulator_test

import (
	_ "embed"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
)

//go:embed testdata/default.yaml
var defaultYAML string

// standard is an emulator to try things with: one tenant, an application or identity for every mode, one node, and two
// vaults, one with access policies and one with RBAC. Everything listens on free ports of loopback.
func standard() emulator.Config {
	document, err := state.Parse([]byte(defaultYAML), nil)
	if err != nil { // it is a part of the tests
		panic(err)
	}
	return emulator.Config{Document: document}
}
