package node

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// namespaces are what the cluster has to itself.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// outside is the first stage. What it finds left behind at the end is an error, however well the tests went.
func outside() (int, error) {
	if why := Impossible(); why != "" {
		if os.Getenv("STRONGROOM_E2E_SKIP") == "1" {
			fmt.Println("SKIPPED: no end-to-end test was run: " + why)
			return 0, nil
		}
		return 1, fmt.Errorf("%s; STRONGROOM_E2E_SKIP=1 skips the end-to-end tests", why)
	}
	if err := sweep(); err != nil {
		return 1, err
	}
	r, err := newRun()
	if err != nil {
		return 1, err
	}
	before, err := look()
	if err != nil {
		return 1, err
	}
	space, code, err := r.inside()
	if err == nil {
		err = r.remove()
	}
	if err != nil {
		return 1, err
	}
	after, err := look()
	if err != nil {
		return 1, err
	}
	defer r.space.Close()
	if left := append(after.since(before), r.left(space)...); len(left) > 0 {
		return 1, fmt.Errorf("the run left behind: %q", left)
	}
	return code, nil
}

// Impossible says why no cluster can run here; empty when one can.
func Impossible() string {
	if os.Geteuid() != 0 {
		return "the end-to-end tests need root"
	}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	if err := probe.Run(); err != nil {
		return fmt.Sprintf("the end-to-end tests need namespaces of their own, and this machine gives none: %v", err)
	}
	return ""
}

// inside runs the other stages in namespaces, and gives the identity of the process namespace they had.
func (r *run) inside() (space string, code int, err error) {
	if err := os.Setenv(dirVariable, r.dir); err != nil {
		return "", 1, err
	}
	runtime.LockOSThread() // the death signal is bound to the thread that started the child
	defer runtime.UnlockOSThread()
	child := again("init", &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL})
	// Registered before the start: an interrupt in between must not leave what sweep would have to find.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return "", 1, err
	}
	space, err = r.keepSpace(child.Process.Pid)
	if err != nil {
		return "", 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case err = <-ended:
	case s := <-signals:
		fmt.Fprintln(os.Stderr, "e2e: ending on", s)
		_ = child.Process.Kill() // gone already is as good
		<-ended
		return space, 128 + int(s.(syscall.Signal)), nil
	}
	code, err = exitCode(err)
	return space, code, err
}

// keepSpace gives the identity of a process's namespace of processes, and holds on to it: once nobody has the namespace,
// the kernel may give its number to that of another run, whose processes would be taken for this one's.
func (r *run) keepSpace(pid int) (string, error) {
	name := fmt.Sprintf("/proc/%d/ns/pid", pid)
	var err error
	if r.space, err = os.Open(name); err != nil {
		return "", err
	}
	return os.Readlink(name)
}

// left lists what there still is of a run that has ended.
func (r *run) left(space string) []string {
	var left []string
	links, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == space {
			left = append(left, "process "+filepath.Base(filepath.Dir(filepath.Dir(link))))
		}
	}
	for _, dir := range cgroups(r.name()) {
		left = append(left, "cgroup "+dir)
	}
	if _, err := os.Lstat(r.dir); err == nil {
		left = append(left, "directory "+r.dir)
	}
	return left
}
