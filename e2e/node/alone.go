package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// startAlone brings up Azure and its names. Programs are looked for from a directory beneath the module's own, where such
// tests are.
func startAlone(dir string, document func() (string, error)) (*Node, error) {
	n := &Node{dir: dir}
	n.context, n.fail = context.WithCancelCause(context.Background())
	var err error
	if n.assets, err = filepath.Abs(variable("STRONGROOM_E2E_ASSETS", "../../bin/e2e")); err != nil {
		return nil, err
	}
	if _, err := os.Stat(n.Asset("strongroom")); err != nil {
		return nil, fmt.Errorf("%w: run \"make e2e-prepare\" first", err)
	}
	if err := os.MkdirAll(n.Scratch(), 0o755); err != nil {
		return nil, err
	}
	config := n.azureConfig()
	if config.Document, err = document(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{func() error { return n.emulator(config) }, n.serveNames} {
		if err := step(); err != nil {
			return nil, n.story(err)
		}
	}
	return n, nil
}
