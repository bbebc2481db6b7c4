package main

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// platform is what an image is for.
type platform struct{ os, arch string }

const windows = "windows"

// known are the platforms that are built; a node of another one has nothing to run.
var known = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {windows, "amd64"}}

// platforms reads a list such as "linux/amd64,windows/amd64".
func platforms(text string) (list []platform, err error) {
	for _, word := range strings.Split(text, ",") {
		system, arch, _ := strings.Cut(strings.TrimSpace(word), "/")
		p := platform{system, arch}
		if !slices.Contains(known, p) {
			return nil, fmt.Errorf("%q is none of %s", word, strings.Trim(fmt.Sprint(known), "[]"))
		}
		list = append(list, p)
	}
	return list, nil
}

func (p platform) String() string { return p.os + "/" + p.arch }

// binary is the program's file name.
func (p platform) binary() string {
	if p.os == windows {
		return p.title() + ".exe"
	}
	return p.title()
}

// title begins the names of all files of this platform.
func (p platform) title() string { return "strongroom-" + p.os + "-" + p.arch }

// descriptor is how an index names it. It states no version of Windows: a HostProcess container runs on every one, and
// containerd takes an entry without a version on every one, while an entry with one is for that build of Windows alone.
func (p platform) descriptor() *v1.Platform { return &v1.Platform{OS: p.os, Architecture: p.arch} }

// config is what a container of the image begins with.
func (p platform) config(labels map[string]string) v1.Config {
	if p.os == windows {
		return v1.Config{
			// Found in the image's root, which is the working directory wherever the runtime puts it.
			Entrypoint: []string{"strongroom.exe"},
			Env:        []string{`PATH=C:\Windows\System32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0`},
			Labels:     labels,
		}
	}
	return v1.Config{
		Entrypoint: []string{"/strongroom"},
		Env:        []string{"PATH=/"},
		// A workload that needs to be root must say so.
		User:       "65532:65532",
		WorkingDir: "/",
		Labels:     labels,
	}
}
