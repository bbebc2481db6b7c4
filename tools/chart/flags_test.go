package chart_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every flag the chart renders is one the real program takes, with a value it can read: the program's own help says so.
func TestFlagsExist(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "strongroom")
	build := exec.Command("go", "build", "-o", binary, "./cmd/strongroom")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	known := map[string]map[string]bool{}
	for name, values := range matrix {
		for part, w := range workloads(t, render(t, inKubeSystem, values)) {
			if known[part] == nil {
				known[part] = help(t, binary, w.subcommand())
			}
			for _, arg := range w.container().Args[len(w.subcommand()):] {
				flag, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
				if !known[part][flag] {
					t.Errorf("%s: strongroom %s has no flag %q", name, part, flag)
					known[part][flag] = true // said once
				}
			}
		}
	}
	if parts := slices.Sorted(maps.Keys(known)); !slices.Equal(parts, []string{"controller", "crds", "driver", "driver-windows", "flexvolume", "mic", "nmi", "provider", "provider-windows", "release"}) {
		t.Errorf("the matrix has the workloads %v", parts)
	}
}

var flagName = regexp.MustCompile(`(?m)(?:^|\s)--?([a-zA-Z][a-zA-Z0-9-_]*)`)

func help(t *testing.T, binary string, subcommand []string) map[string]bool {
	t.Helper()
	out, err := exec.Command(binary, append(subcommand, "-h")...).CombinedOutput()
	if err != nil {
		t.Errorf("strongroom %v -h: %v", subcommand, err)
	}
	flags := map[string]bool{}
	for _, match := range flagName.FindAllSubmatch(out, -1) {
		flags[string(match[1])] = true
	}
	return flags
}

// args of a workload, by flag.
func args(w workload) map[string]string {
	all := map[string]string{}
	for _, arg := range w.container().Args[len(w.subcommand()):] {
		flag, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		all[flag] = value
	}
	return all
}
