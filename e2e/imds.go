package e2e

import (
	"sync"
	"testing"
)

// metadata is held for reading by tests that need the node's metadata service, and for writing by those that take it
// away.
var metadata sync.RWMutex

// IMDS keeps the node's metadata service reachable until the test ends. Call it, or NoIMDS, after Install.
func IMDS(t testing.TB) {
	t.Helper()
	metadata.RLock()
	t.Cleanup(metadata.RUnlock)
}

// NoIMDS makes the node's metadata service unreachable, for the node and for pods, until the test ends.
func NoIMDS(t testing.TB) {
	t.Helper()
	metadata.Lock()
	t.Cleanup(metadata.Unlock)
	if err := cluster.IMDS(false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.IMDS(true); err != nil {
			t.Error(err)
		}
	})
}
