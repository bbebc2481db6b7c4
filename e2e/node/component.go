package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// component is a program of the cluster. Nobody stops one in good order: the end of process 1 does, for all.
type component struct {
	name, log string
	command   *exec.Cmd
	ended     chan struct{}

	mu      sync.Mutex
	allowed bool // its end is not a failure
}

// start runs a program with its output in the run's logs; an end that nobody asked for fails the node.
func (n *Node) start(name, program string, args ...string) (*component, error) {
	c := &component{name: name, log: filepath.Join(n.dir, "logs", name+".log"), ended: make(chan struct{})}
	if err := os.MkdirAll(filepath.Dir(c.log), 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.command = exec.Command(program, args...)
	c.command.Dir = n.dir // what it and its children write beside them goes with the run
	c.command.Stdout, c.command.Stderr = log, log
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	n.components.Store(name, c)
	go n.attend(c)
	return c, nil
}

// attend waits for a component's end.
func (n *Node) attend(c *component) {
	err := c.command.Wait()
	close(c.ended)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.allowed {
		n.fail(fmt.Errorf("%s ended (%v); the end of its log:\n%s", c.name, err, tail(c.log, 3000)))
	}
}

// Restart kills a component, as a crash would, and starts it again: "kubelet", "kube-apiserver" and so on. It returns
// when the new one runs, which is before it answers. The emulator ("azure") forgets what was added to it.
func (n *Node) Restart(name string) error {
	found, there := n.components.Load(name)
	if !there {
		return fmt.Errorf("there is no component %s", name)
	}
	c := found.(*component)
	c.mu.Lock()
	c.allowed = true
	c.mu.Unlock()
	if err := c.command.Process.Kill(); err != nil {
		return err
	}
	<-c.ended
	_, err := n.start(name, c.command.Args[0], c.command.Args[1:]...)
	return err
}

// tail is the last part of a file, as much as fits.
func tail(path string, most int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// Tail gives the end of a component's log, for whoever tells of a failure.
func (n *Node) Tail(name string, most int) string {
	return tail(filepath.Join(n.dir, "logs", name+".log"), most)
}
