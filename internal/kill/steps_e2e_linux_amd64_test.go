//go:build e2e

package kill

import "testing"

// As root in a mount namespace of your own (make kill).
func TestTmpfsEveryStep(t *testing.T) {
	everyStep(t, "tmpfs", number(t, strideEnv, 7))
}
