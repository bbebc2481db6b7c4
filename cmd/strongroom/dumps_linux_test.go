package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What this binary is when it is started by the test below.
const (
	asProgram   = "STRONGROOM_TEST_PROGRAM"   // main itself, as nobody
	asUnguarded = "STRONGROOM_TEST_UNGUARDED" // a process that does not guard itself, to see that the looking works
	asThief     = "STRONGROOM_TEST_THIEF"     // another process of the same user, that looks into the one named there
)

// play is what TestMain does where one of them is set.
func play() (played bool) {
	switch {
	case os.Getenv(asProgram) != "":
		become()
		main()
	case os.Getenv(asUnguarded) != "":
		become()
		fmt.Fprintln(os.Stderr, "serving")
		_, _ = os.Stdin.Read(make([]byte, 1))
	case os.Getenv(asThief) != "":
		become()
		pry(os.Getenv(asThief))
	default:
		return false
	}
	return true
}

// become is to be nobody, where this is root. To change one's user keeps others out by itself, which is taken back: the
// program must do it.
func become() {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			panic(err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		panic(err)
	}
}

// pry tells how each way of looking into a process fares.
func pry(pid string) {
	runtime.LockOSThread()
	of, err := strconv.Atoi(pid)
	if err != nil {
		panic(err)
	}
	tell := func(what string, err error) { fmt.Printf("%s: %v\n", what, err) }
	for _, name := range []string{"environ", "mem", "maps", "auxv", "map_files", "fd"} {
		f, err := os.Open(filepath.Join("/proc", pid, name))
		if err == nil {
			_, err = f.Stat()
			if name == "environ" {
				_, err = f.Read(make([]byte, 1))
			}
			_ = f.Close()
		}
		tell(name, err)
	}
	_, err = os.Readlink(filepath.Join("/proc", pid, "cwd"))
	tell("cwd", err)
	local := []unix.Iovec{{Base: new(byte), Len: 1}}
	_, err = unix.ProcessVMReadv(of, local, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}, 0)
	tell("process_vm_readv", err)
	tell("ptrace", unix.PtraceAttach(of))
}

// program starts this binary as one of the above and returns once it says that it serves.
func program(t *testing.T, as string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = []string{as + "=1", "PLANTED=planted-in-the-environment"}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "serving") && !strings.Contains(lines.Text(), "serving CSI") {
			return cmd
		}
	}
	t.Fatalf("it never served:\n%s", said.String())
	return nil
}

// Another process of the same user, without privileges, reads neither memory nor environment of the program, and does not
// attach to it; nor does a crash leave a core file.
func TestNoOtherProcessLooksIntoTheProgram(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	serving := program(t, asProgram, "driver", "--class-dir", dir, "--endpoint", "unix://"+filepath.Join(dir, "csi.sock"),
		"--metrics-addr=", "--health-addr=", "--volumes=plain")
	for what, fared := range pried(t, serving.Process.Pid) {
		if !strings.HasSuffix(fared, "permission denied") && !strings.HasSuffix(fared, "operation not permitted") {
			t.Errorf("%s of the program: %s", what, fared)
		}
	}
	if fared := pried(t, program(t, asUnguarded).Process.Pid); fared["environ"] != "<nil>" || fared["maps"] != "<nil>" {
		t.Errorf("of a process that does not guard itself: %v: so this test proves nothing", fared)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", serving.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (fields[4] != "0" || fields[5] != "0") {
			t.Error(line)
		}
	}
	if err := serving.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = serving.Process.Signal(syscall.SIGCONT) // whoever was attached to it, if anybody could be, left it stopped
	_ = serving.Wait()
	if status, ok := serving.ProcessState.Sys().(syscall.WaitStatus); !ok || status.CoreDump() {
		t.Errorf("it left a core: %v", serving.ProcessState)
	}
}

// pried is how another process of the same user fares with a process.
func pried(t *testing.T, pid int) map[string]string {
	t.Helper()
	thief := exec.CommandContext(t.Context(), os.Args[0])
	thief.Env = []string{asThief + "=" + strconv.Itoa(pid)}
	out, err := thief.Output()
	if err != nil {
		t.Fatal(err)
	}
	fared := map[string]string{}
	for line := range strings.Lines(string(out)) {
		what, how, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fared[what] = how
	}
	if len(fared) != 9 {
		t.Fatalf("it tried only %v", fared)
	}
	return fared
}
