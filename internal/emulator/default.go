package emulator

import (
	_ "embed"

	"strongroom/internal/emulator/state"
)

//go:embed default.yaml
var defaultYAML string

// DefaultYAML is the document of Default: a start for one's own.
func DefaultYAML() string { return defaultYAML }

// Default is an emulator to try things with: one tenant, an application or identity for every mode, one node, and two
// vaults, one with access policies and one with RBAC. Everything listens on free ports of loopback.
func Default() Config {
	document, err := state.Parse([]byte(defaultYAML), nil)
	if err != nil { // it is a part of the program, and a test reads it
		panic(err)
	}
	return Config{Document: document}
}
