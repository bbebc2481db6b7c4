package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
)

// binaryVariable names a binary to measure in place of the tree's, so that two can be compared in turns on a machine whose
// load changes.
const binaryVariable = "STRONGROOM_BENCH_BINARY"

// build makes the binary as a release does.
func build(ctx context.Context, dir string) (path string, size int64, err error) {
	if path = os.Getenv(binaryVariable); path != "" {
		info, err := os.Stat(path)
		if err != nil {
			return "", 0, err
		}
		return path, info.Size(), nil
	}
	path = filepath.Join(dir, "strongroom")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/strongroom")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return "", 0, fmt.Errorf("building the binary (run this from the module's root): %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	return path, info.Size(), nil
}

// process is one provider process.
type process struct {
	command   *exec.Cmd
	directory *socket.Directory
	provider  provider.Provider
	socket    string
	took      time.Duration // from exec to serving
}

// start runs a provider on a socket of its own and waits until it answers.
func start(ctx context.Context, a *azure, binary, dir string) (*process, error) {
	home, err := os.MkdirTemp(dir, "p")
	if err != nil {
		return nil, err
	}
	p := &process{socket: filepath.Join(home, "azure.sock")}
	p.command = exec.CommandContext(ctx, binary, "provider", "--endpoint", "unix://"+p.socket,
		"--ca-file", filepath.Join(a.dir, "ca.pem"), "--cloud-file", filepath.Join(a.dir, "cloud.json"),
		"--healthz-port", "-1", "--prometheus-port", "-1")
	p.command.Env = []string{"PATH=" + os.Getenv("PATH")}
	began := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for socket.Probe(ctx, p.socket) != nil {
		if time.Since(began) > 10*time.Second {
			p.stop()
			return nil, errors.New("the provider did not serve within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
	p.took = time.Since(began)
	p.directory = socket.New(socket.Config{Dirs: []string{home}, MaxRecv: 16 << 20})
	p.provider, err = p.directory.Provider("azure")
	return p, err
}

// connect opens the provider's connections to authority and vault, by a mount that the vault refuses: nothing of it can
// be shared later.
func (p *process) connect(ctx context.Context, a *azure) error {
	request, err := a.request(0, 1)
	if err != nil {
		return err
	}
	request.Attributes["clientID"] = opener
	if _, err := p.provider.Mount(ctx, request); fault.KindOf(err) != fault.Denied {
		return fmt.Errorf("the opening mount was to be denied: %w", err)
	}
	return nil
}

func (p *process) stop() {
	if p.directory != nil {
		_ = p.directory.Close()
	}
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait()
}

// memory reads a line of the kernel's account of the process, in MiB.
func (p *process) memory(line string) (float64, error) { return memoryOf(p.command.Process.Pid, line) }

func memoryOf(pid int, line string) (float64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), line+":"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in the process's status", line)
}

// measureStart tells how long a warm exec takes until the socket answers.
func measureStart(ctx context.Context, a *azure, binary, dir string) error {
	const starts = 9
	var took []time.Duration
	for range starts {
		p, err := start(ctx, a, binary, dir)
		if err != nil {
			return err
		}
		took = append(took, p.took)
		p.stop()
	}
	middle := median(took, func(d time.Duration) time.Duration { return d })
	fmt.Printf("\nfrom exec to serving: median %.0f ms of %d\n", float64(middle.Microseconds())/1000, starts)
	return nil
}
