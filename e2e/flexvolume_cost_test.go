package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/e2e/azure"
)

// TestWhatAFlexVolumeCosts measures what docs/performance.md tells: from the exec of the driver to the mounted tmpfs, of
// a secret that the node's provider has already. It comes before the tests that run side by side, and fails on no time.
// Promised: who mounts what the provider has asks Azure nothing.
func TestWhatAFlexVolumeCosts(t *testing.T) {
	longForm(t)
	FlexVolume(t)
	app := Azure().Application(t)
	vault := Azure().Vault(t, app)
	vault.Set(t, "db", "one")
	const mounts = 21
	var targets []string
	for i := range mounts { // the pods were all there before anything was asked
		targets = append(targets, flexStage(t, fmt.Sprint(i)))
	}
	before := Azure().Mark(t)
	var took []time.Duration
	for i, target := range targets {
		call := flexCall(t, vault, app, fmt.Sprint(i), "db")
		began := time.Now()
		out, err := exec.CommandContext(Within(t, patience), flexProgram, "mount", target, call).CombinedOutput()
		took = append(took, time.Since(began))
		if err != nil || len(Mounts(t, target)) != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		if got := Contents(t, target)["db"]; got != "one" {
			t.Errorf("%q", got)
		}
		flexUnmount(t, target)
	}
	if got := before.Since(t, azure.To(vault), azure.Kind("secret-get")); len(got) != 1 {
		t.Errorf("%d mounts made %d reads", mounts, len(got))
	}
	first, cached := took[0], slices.Sorted(slices.Values(took[1:]))
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("FlexVolume, exec to mounted tmpfs (aim 60 ms): of a cached secret median %s of %d, %s to %s; the first %s; load %s",
		cached[len(cached)/2].Round(time.Millisecond), len(cached), cached[0].Round(time.Millisecond), cached[len(cached)-1].Round(time.Millisecond),
		first.Round(time.Millisecond), strings.Fields(string(load))[0])
}
