package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// tunables are what the kubelet wants of the kernel and would set for the whole machine, since these settings belong to
// no namespace. Files with the wanted values are mounted over them: it finds them right, and is told to leave them alone.
var tunables = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// layered are directories of the machine that programs of the cluster write into. They get a layer of the run's own on
// top, so that nothing reaches the machine's.
var layered = []string{"/etc", "/opt", "/usr/libexec", "/var/lib"}

// initialize is the second stage: process 1 of the namespaces, whose end ends everybody in them.
func initialize() (int, error) {
	dir := os.Getenv(dirVariable)
	for _, prepare := range []func(string) error{privateMounts, settings, layers, ownDirectories, names, network, makeCgroups} {
		if err := prepare(dir); err != nil {
			return 1, err
		}
	}
	child := again("test", nil)
	if err := child.Start(); err != nil {
		return 1, err
	}
	return reap(child.Process.Pid)
}

// reap waits for whatever ends, orphans among it, until the given child does.
func reap(child int) (int, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, os.NewSyscallError("wait4", err)
		case pid == child && status.Signaled():
			return 1, fmt.Errorf("the tests were ended by %s", status.Signal())
		case pid == child:
			return status.ExitStatus(), nil
		}
	}
}

// privateMounts cuts the tree of mounts off from the machine's. It is shared within, for pods whose mounts are to be
// seen by the node.
func privateMounts(string) error {
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	return mount("proc", "/proc", "proc", 0, "")
}

func settings(dir string) error {
	for name, value := range tunables {
		file := filepath.Join(dir, "settings", name)
		if err := write(file, value+"\n"); err != nil {
			return err
		}
		if err := mount(file, "/proc/sys/"+name, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func layers(dir string) error {
	for _, lower := range layered {
		if _, err := os.Stat(lower); err != nil {
			continue
		}
		upper := filepath.Join(dir, "layers", lower, "upper")
		work := filepath.Join(dir, "layers", lower, "work")
		for _, d := range []string{upper, work} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return err
			}
		}
		if err := mount("overlay", lower, "overlay", 0, "lowerdir="+lower+",upperdir="+upper+",workdir="+work); err != nil {
			return err
		}
	}
	return nil
}

// ownDirectories gives the node an empty /run, and a kubelet directory and logs on the disk itself, where the sizes of
// volumes can be told. A directory that is mounted on a shared tree shows every mount beneath it twice, unless it is made
// private first and a group of its own then.
func ownDirectories(dir string) error {
	for name, target := range map[string]string{"kubelet": kubeletDir, "log": "/var/log"} {
		source := filepath.Join(dir, name)
		for _, d := range []string{source, target} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return err
			}
		}
		if err := mount(source, target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
		if err := errors.Join(mount("", target, "", syscall.MS_PRIVATE, ""), mount("", target, "", syscall.MS_SHARED, "")); err != nil {
			return err
		}
	}
	return mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
}

// names is how the node finds itself and Azure: the name server answers for the names the emulator plays.
func names(string) error {
	if err := syscall.Sethostname([]byte(Name)); err != nil {
		return os.NewSyscallError("sethostname", err)
	}
	hosts := fmt.Sprintf("127.0.0.1 localhost\n%s %s\n%s kubernetes.default.svc\n", Address, Name, serverAddress)
	return errors.Join(replace("/etc/hosts", hosts), replace("/etc/resolv.conf", "nameserver "+AzureAddress+"\n"))
}

// replace makes a file anew even where a link stood.
func replace(path, text string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return write(path, text)
}

// network makes the node's interfaces. The last bridge has no port: it is only there to carry Azure's addresses.
func network(string) error {
	for _, command := range []string{
		"link set lo up",
		"addr add " + serverAddress + "/32 dev lo", // the service "kubernetes", without a proxy that would lead there
		"addr add " + frontAddress + "/32 dev lo",
		"link add node0 type bridge", "addr add " + Address + "/24 dev node0", "link set node0 up",
		"link add " + azureLink + " type bridge", "addr add " + AzureAddress + "/32 dev " + azureLink, "link set " + azureLink + " up",
		"addr add " + MetadataAddress + "/32 dev " + azureLink,
	} {
		if err := ip(command); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func ip(command string) error {
	if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", command, err, out)
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %q on %s (%s %s): %w", source, target, kind, data, err)
	}
	return nil
}

// write makes a file, readable by all, with the directories above it.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
