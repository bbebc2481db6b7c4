//go:build !wine

package volume

import "os"

// root is what a target is reached through. The tests under Wine have another one; see tools/wine.
type root = os.Root

func openRoot(target string) (*root, error) { return os.OpenRoot(target) }
