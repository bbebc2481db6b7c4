package node

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sight is what a run could leave on the machine, as one can see it from outside.
type sight map[string]bool

// places are where the programs of a cluster like to write, and telltale the names by which one knows them there.
var (
	places   = []string{"/", "/etc", "/opt", "/run", "/usr/libexec", "/var/lib", "/var/log", "/var/cache"}
	telltale = regexp.MustCompile(`kube|containerd|runc|cni|csi|etcd|secrets-store|strongroom-e2e|netns`)
)

// look notes mounts, interfaces, kernel settings and files.
func look() (sight, error) {
	seen := sight{}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			seen["mount "+fields[4]] = true
		}
	}
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		seen["interface "+link.Name()] = true
	}
	for name := range tunables {
		value, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			return nil, err
		}
		seen["setting "+name+"="+strings.TrimSpace(string(value))] = true
	}
	for _, place := range places {
		entries, _ := os.ReadDir(place) // a place that does not exist holds nothing
		for _, entry := range entries {
			if telltale.MatchString(entry.Name()) {
				seen["file "+filepath.Join(place, entry.Name())] = true
			}
		}
	}
	return seen, nil
}

// since lists what there is now and was not before. Directories of other runs, which come and go, are not this one's.
func (s sight) since(before sight) []string {
	var list []string
	for one := range s {
		if !before[one] && !strings.Contains(one, prefix) {
			list = append(list, one)
		}
	}
	slices.Sort(list)
	return list
}
