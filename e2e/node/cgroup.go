package node

import (
	"os"
	"path/filepath"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// makeCgroups makes the run's parent of all pods in every hierarchy: one directory where the kernel has the unified
// hierarchy alone, one per controller where it has the older ones.
func makeCgroups(dir string) error {
	name := filepath.Base(dir)
	if _, err := os.Stat(cgroupRoot + "/cgroup.controllers"); err == nil {
		return makeUnified(name)
	}
	hierarchies, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		if !hierarchy.IsDir() || hierarchy.Name() == "unified" { // aliases such as cpu,cpuacct are links
			continue
		}
		parent := filepath.Join(cgroupRoot, hierarchy.Name(), name)
		if err := os.Mkdir(parent, 0o755); err != nil {
			return err
		}
		if err := inheritCpuset(parent); err != nil {
			return err
		}
	}
	return nil
}

// inheritCpuset gives a new cgroup its parent's processors and memory, without which no process can enter it.
func inheritCpuset(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			continue
		}
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), value, 0); err != nil {
			return err
		}
	}
	return nil
}

func makeUnified(name string) error {
	parent := filepath.Join(cgroupRoot, name)
	if err := os.Mkdir(parent, 0o755); err != nil {
		return err
	}
	available, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		if err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+"+controller), 0); err != nil {
			return err
		}
	}
	return nil
}
