package redirect

import (
	"testing"
	"testing/fstest"
)

func TestANetworkOfItsOwnIsKnownByItsInterfaces(t *testing.T) {
	t.Parallel()
	const head = "Inter-|   Receive\n face |bytes\n"
	table := func(path, lines string) fstest.MapFS { return fstest.MapFS{path: {Data: []byte(head + lines)}} }
	for name, c := range map[string]struct {
		mine, node string
		own        bool
	}{
		"the node's":              {"    lo: 1 2\n  eth0: 3 4\n", "  eth0: 5 6\n    lo: 1 2\n", false},
		"a pod's":                 {"    lo: 1 2\n  eth0: 3 4\n", "    lo: 1 2\n  eth0: 3\nveth1: 1\n", true},
		"the node's is not told":  {"    lo: 1 2\n", "", false},
		"its own cannot be known": {"", "    lo: 1 2\n", false},
	} {
		if got := ownNetwork(table("proc/self/net/dev", c.mine), table("proc/1/net/dev", c.node)); got != c.own {
			t.Errorf("%s: %v", name, got)
		}
	}
}
