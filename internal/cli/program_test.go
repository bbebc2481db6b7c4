package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/cli"
)

// program is a subcommand that runs in this process as it would in its own.
type program struct {
	log, out safeBuffer
	stop     context.CancelFunc
	ended    chan int
	once     sync.Once
	code     int
}

// start runs a subcommand until the test ends and returns when it says that it serves.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{stop: stop, ended: make(chan int, 1)}
	serving := make(chan struct{})
	p.log.wait = serving
	go func() {
		p.ended <- cli.Run(ctx, cli.Process{Args: args, Stdout: &p.out, Stderr: &p.log, Getenv: func(string) string { return "" }})
	}()
	t.Cleanup(func() { p.end() })
	select {
	case <-serving:
	case code := <-p.ended:
		t.Fatalf("%s ended with %d: %s", args[0], code, p.log.String())
	case <-t.Context().Done():
	}
	return p
}

func (p *program) end() int {
	p.once.Do(func() {
		p.stop()
		p.code = <-p.ended
	})
	return p.code
}

// address is where the program said, in its log, that it serves something.
func (p *program) address(t *testing.T, what string) string {
	t.Helper()
	return attribute(t, p.log.String(), what)
}

// attribute is what a log in JSON says first of something.
func attribute(t *testing.T, log, what string) string {
	t.Helper()
	for line := range strings.Lines(log) {
		var said map[string]any
		if json.Unmarshal([]byte(line), &said) == nil && said[what] != nil {
			return said[what].(string)
		}
	}
	t.Fatalf("the log does not say where %s is:\n%s", what, log)
	return ""
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, response.Status, err, body)
	}
	return string(body)
}

// safeBuffer collects what a program writes, and closes wait when it says that it serves.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	wait chan struct{}
	more chan struct{} // closed at the next write; nil while nobody waits for it
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wait != nil && bytes.Contains(p, []byte(" serving")) {
		close(b.wait)
		b.wait = nil
	}
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	return b.text.Write(p)
}

// says waits until something has been written.
func (b *safeBuffer) says(t *testing.T, text string) {
	t.Helper()
	for {
		b.mu.Lock()
		if strings.Contains(b.text.String(), text) {
			b.mu.Unlock()
			return
		}
		if b.more == nil {
			b.more = make(chan struct{})
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("never said %q:\n%s", text, b.String())
		}
	}
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
