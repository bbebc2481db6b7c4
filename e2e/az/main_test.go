package az

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"strongroom/e2e/node"
)

// operatorKey is made where it is first asked for, which is in the last of the stages that the tests go through.
var operatorKey = sync.OnceValues(newKey)

// home is the running emulator and how to reach it.
var home *world

func TestMain(m *testing.M) {
	os.Exit(node.Alone(document, func(n *node.Node) int {
		var err error
		if home, err = newWorld(n); err != nil {
			fmt.Fprintln(os.Stderr, "az:", err)
			return 1
		}
		return m.Run()
	}))
}
