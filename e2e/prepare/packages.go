package main

import (
	"os"
	"os/exec"
)

// needed are Debian's packages, each by a file that tells whether it is there, from Debian or from elsewhere.
var needed = []struct{ pack, file string }{
	{"containerd", "containerd"}, {"containerd", "ctr"}, {"runc", "runc"},
	{"containernetworking-plugins", "/usr/lib/cni/bridge"}, {"containernetworking-plugins", "/usr/lib/cni/host-local"},
	{"containernetworking-plugins", "/usr/lib/cni/loopback"}, {"containernetworking-plugins", "/usr/lib/cni/ptp"},
	{"busybox-static", busybox}, {"iproute2", "ip"}, {"iptables", "iptables"}, {"conntrack", "conntrack"}, {"socat", "socat"}, {"curl", "/usr/bin/curl"},
	{"azure-cli", "az"},
}

// busybox is linked statically in the one package that Debian has for that.
const busybox = "/bin/busybox"

// packages installs what is missing.
func packages() error {
	var missing []string
	for _, n := range needed {
		if !there(n.file) {
			missing = append(missing, n.pack)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	if err := run("", quiet, "apt-get", "update"); err != nil {
		return err
	}
	return run("", quiet, "apt-get", append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
}

func there(file string) bool {
	if file[0] != '/' {
		_, err := exec.LookPath(file)
		return err == nil
	}
	_, err := os.Stat(file)
	return err == nil
}
