package kill

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// calls are the system calls of a volume's work, by what they do to the disk. Those of the runtime are not among them.
var calls = map[uint64]struct {
	name  string
	makes bool // it needs room
	alter bool // it changes something
}{
	unix.SYS_OPENAT: {"openat", false, false}, unix.SYS_MKDIRAT: {"mkdirat", true, true},
	unix.SYS_SYMLINKAT: {"symlinkat", true, true}, unix.SYS_RENAMEAT: {"renameat", true, true},
	unix.SYS_RENAMEAT2: {"renameat2", true, true}, unix.SYS_UNLINKAT: {"unlinkat", false, true},
	unix.SYS_WRITE: {"write", true, true}, unix.SYS_FSYNC: {"fsync", true, true}, unix.SYS_FCHMOD: {"fchmod", false, true},
	unix.SYS_FCHMODAT: {"fchmodat", false, true}, unix.SYS_FCHOWN: {"fchown", false, true},
	unix.SYS_MOUNT: {"mount", true, true}, unix.SYS_UMOUNT2: {"umount2", false, true}, unix.SYS_FLOCK: {"flock", false, false},
	unix.SYS_NEWFSTATAT: {"newfstatat", false, false}, unix.SYS_FSTAT: {"fstat", false, false},
	unix.SYS_STATX: {"statx", false, false}, unix.SYS_STATFS: {"statfs", false, false},
	unix.SYS_READLINKAT: {"readlinkat", false, false}, unix.SYS_GETDENTS64: {"getdents64", false, false},
	unix.SYS_READ: {"read", false, false}, unix.SYS_CLOSE: {"close", false, false}, unix.SYS_RMDIR: {"rmdir", false, true},
	unix.SYS_UNLINK: {"unlink", false, true},
}

// blow is what happens to the child at one of its system calls.
type blow struct {
	name  string
	kill  bool
	errno syscall.Errno
	since bool                                     // and at all that follow
	hits  func(c struct{ makes, alter bool }) bool // which calls it can strike
}

// outcome is how the child ended.
type outcome struct {
	calls int    // so many were counted
	at    string // the call that was struck; empty when there was none
	died  bool
	said  string
}

// traced runs the child and strikes at the call of that number, beginning at 1; 0 strikes none. The caller's goroutine
// must be locked to its thread, since the kernel answers only the thread that traces.
func traced(b blow, number int, args ...string) (o outcome, err error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asOneStep+"=1", "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return o, err
	}
	pid := cmd.Process.Pid
	free := false
	defer func() {
		if !free {
			_ = cmd.Process.Kill()
		}
		ended := cmd.Wait()
		o.said = out.String()
		if err == nil && !o.died && o.said == "" {
			err = fmt.Errorf("the child said nothing: %v: %s", ended, problems.String())
		}
	}()
	if _, err := stopOf(pid); err != nil {
		return o, err
	}
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		return o, err
	}
	if err := reach(pid); err != nil {
		return o, err
	}
	for {
		entered, err := next(pid)
		if err != nil {
			return o, err
		}
		if !entered {
			err := unix.PtraceDetach(pid)
			free = err == nil
			return o, err
		}
		var registers unix.PtraceRegs
		if err := unix.PtraceGetRegs(pid, &registers); err != nil {
			return o, err
		}
		call, counted := calls[registers.Orig_rax]
		strike := false
		if counted {
			o.calls++
			due := number > 0 && (o.calls == number || b.since && o.calls > number)
			strike = due && (b.kill || b.hits(struct{ makes, alter bool }{call.makes, call.alter}))
		}
		if strike && o.at == "" {
			o.at = call.name
		}
		if strike && b.kill {
			o.died = true
			return o, nil
		}
		if strike && call.name != "close" { // a close that fails has closed
			registers.Orig_rax = ^uint64(0)
			if err := unix.PtraceSetRegs(pid, &registers); err != nil {
				return o, err
			}
		}
		if _, err := next(pid); err != nil {
			return o, err
		}
		if strike {
			if err := unix.PtraceGetRegs(pid, &registers); err != nil {
				return o, err
			}
			registers.Rax = uint64(-int64(b.errno))
			if err := unix.PtraceSetRegs(pid, &registers); err != nil {
				return o, err
			}
		}
	}
}

// reach lets the child go on to its first stop of its own.
func reach(pid int) error {
	signal := 0
	for {
		if err := unix.PtraceCont(pid, signal); err != nil {
			return err
		}
		stop, err := stopOf(pid)
		if err != nil || stop == syscall.SIGSTOP {
			return err
		}
		signal = int(stop)
	}
}

// next goes on to the child's next entry to or return from a call. It is false at the child's second stop of its own.
func next(pid int) (call bool, err error) {
	signal := 0
	for {
		if err := unix.PtraceSyscall(pid, signal); err != nil {
			return false, err
		}
		stop, err := stopOf(pid)
		if err != nil || stop == syscall.SIGSTOP {
			return false, err
		}
		if stop == syscall.SIGTRAP|0x80 {
			return true, nil
		}
		signal = int(stop)
	}
}

// stopOf waits for the child's next stop.
func stopOf(pid int) (syscall.Signal, error) {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case !status.Stopped():
			return 0, fmt.Errorf("the child is gone: %v", status)
		default:
			return status.StopSignal(), nil
		}
	}
}
