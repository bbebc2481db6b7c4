package e2e

import (
	"fmt"
	"os"
	"testing"

	"strongroom/e2e/node"
)

func TestMain(m *testing.M) {
	os.Exit(node.Main(func(n *node.Node) int {
		if err := use(n); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		return m.Run()
	}))
}
