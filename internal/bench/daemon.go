package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// daemon is a process of MIC or NMI.
type daemon struct {
	command *exec.Cmd
	log     *logged
}

// daemon starts a subcommand and waits until it says that it serves.
func (p *podIdentity) daemon(ctx context.Context, args ...string) (*daemon, error) {
	d := &daemon{log: &logged{}}
	d.command = exec.CommandContext(ctx, p.binary, append(args, "--kubeconfig", filepath.Join(p.dir, "kubeconfig"),
		"--ca-file", filepath.Join(p.dir, "ca.pem"), "--log-format-json", "--http-probe-port", "0", "--prometheus-port", "0")...)
	d.command.Env = []string{"PATH=" + os.Getenv("PATH"), "AZURE_ENVIRONMENT_FILEPATH=" + filepath.Join(p.dir, "cloud.json")}
	if gc := os.Getenv("GOGC"); gc != "" { // to see what the processes' own choice costs
		d.command.Env = append(d.command.Env, "GOGC="+gc)
	}
	d.command.Stderr = d.log
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	for began := time.Now(); d.said("health") == ""; time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			d.stop()
			return nil, fmt.Errorf("%s did not serve within 20 s: %s", args[0], d.log.text())
		}
	}
	for began := time.Now(); d.health() != "Active"; time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			d.stop()
			return nil, fmt.Errorf("%s was not active within 30 s: %s", args[0], d.log.text())
		}
	}
	return d, nil
}

func (p *podIdentity) mic(ctx context.Context) (*daemon, error) {
	return p.daemon(ctx, "mic", "--cloudconfig", filepath.Join(p.dir, "azure.json"), "--leader-election-instance", "mic")
}

func (p *podIdentity) nmi(ctx context.Context) (*daemon, error) {
	imds := strings.TrimPrefix(p.emulator.Endpoints().IMDS["node-0"], "http://")
	host, port, _ := strings.Cut(imds, ":")
	return p.daemon(ctx, "nmi", "--node", "node-0", "--redirect=false", "--nmi-port", "0", "--metadata-ip", host, "--metadata-port", port)
}

func (d *daemon) stop() {
	_ = d.command.Process.Signal(syscall.SIGTERM)
	_ = d.command.Wait()
}

// said is an attribute of the line in which the process says that it serves.
func (d *daemon) said(key string) string {
	for line := range strings.Lines(d.log.text()) {
		var attributes map[string]any
		if json.Unmarshal([]byte(line), &attributes) == nil && strings.HasSuffix(fmt.Sprint(attributes["msg"]), " serving") {
			text, _ := attributes[key].(string)
			return text
		}
	}
	return ""
}

func (d *daemon) health() string {
	text, _ := d.page("health", "/healthz")
	return text
}

func (d *daemon) page(what, path string) (string, error) {
	response, err := http.Get("http://" + d.said(what) + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// figure reads a line of the process's metrics.
func (d *daemon) figure(name string) (float64, error) {
	page, err := d.page("metrics", "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(page) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// memory spells what is resident now, how much of it are pages of files, and what was resident at most, in MiB.
func (d *daemon) memory() (string, error) {
	var figures [3]float64
	for i, line := range []string{"VmRSS", "RssFile", "VmHWM"} {
		var err error
		if figures[i], err = memoryOf(d.command.Process.Pid, line); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%.1f MiB resident, of files %.1f; %.1f at most", figures[0], figures[1], figures[2]), nil
}

// logged collects what a process writes.
type logged struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(b)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
