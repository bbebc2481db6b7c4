package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claim is for scenarios that several clusters share: e2e/run starts them with one directory, E2E_CLAIMS, in which whoever
// comes first puts the scenario's name, with the cluster's own, E2E_CLUSTER, in it. All others skip it. Scenarios are dealt
// out while they run, not before: most of their time is waiting for each other, and nobody knows for how long.
//
// It is called once a scenario could begin: by Namespace, and by whoever changes what is installed. Without the variable
// the cluster has all scenarios to itself.
func claim(t testing.TB) {
	t.Helper()
	dir, self := os.Getenv("E2E_CLAIMS"), os.Getenv("E2E_CLUSTER")
	if dir == "" {
		return
	}
	name, _, _ := strings.Cut(t.Name(), "/") // what a scenario consists of stays together
	file := filepath.Join(dir, name)
	err := os.Symlink(self, file) // whole at once, and only if it is not there
	if errors.Is(err, fs.ErrExist) {
		var owner string
		if owner, err = os.Readlink(file); err == nil && owner != self {
			t.Skipf("it runs in cluster %s", owner)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
