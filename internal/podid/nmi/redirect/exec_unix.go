//go:build unix

package redirect

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// host runs the node's programs.
type host struct{ root string }

// exec runs one, with the node's files as its root. It gets no environment of ours but what makes its output predictable.
// A program that is still there when ctx ends is killed: what it changes, it changes in one commit or not at all.
func (h host) exec(ctx context.Context, path string, args []string, input string) (string, error) {
	c := exec.CommandContext(ctx, path, args...)
	c.Dir = "/"
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: h.root}
	c.WaitDelay = time.Second
	var output, said bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &output, &said
	err := c.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", &Exit{Code: exit.ExitCode(), Said: cut(strings.TrimSpace(said.String()), 300)}
	}
	return output.String(), err
}

func cut(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
