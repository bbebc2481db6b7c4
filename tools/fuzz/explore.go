package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var (
	result = regexp.MustCompile(`fuzz: elapsed: .*execs.*`)
	// asUsual are the lines of progress that a failure does not need.
	asUsual = regexp.MustCompile(`(?m)^(fuzz: (elapsed|minimizing).*|PASS|ok .*)\n`)
)

// explore lets Go's engine ask each target; what reaches new code is kept where go test -fuzz keeps it. It is bounded by
// inputs: a bound of time fails now and then, when it ends amid a minimization.
func explore(ctx context.Context, cfg config, targets []target) error {
	work, err := os.MkdirTemp("", "fuzz-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	finds, err := cfg.finds(ctx)
	if err != nil {
		return err
	}
	for i, t := range targets {
		found := t.found(finds)
		if err := os.MkdirAll(found, 0o755); err != nil {
			return err
		}
		program := filepath.Join(work, "room.test")
		if i == 0 || targets[i-1].room != t.room {
			if err := t.compile(ctx, cfg, program, "-fuzz=Fuzz"); err != nil {
				return err
			}
		}
		began := time.Now()
		command := exec.CommandContext(ctx, program, "-test.run", "^$", "-test.fuzz", "^"+t.name+"$",
			"-test.fuzztime", fmt.Sprintf("%dx", t.inputs(cfg.inputs)), "-test.fuzzminimizetime", "10x", "-test.fuzzcachedir", filepath.Dir(found))
		command.Dir = filepath.Join(cfg.root, filepath.FromSlash(t.room))
		told, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s\n%s in %s FAILED: the input is now in %s; keep it there with what mends it", asUsual.ReplaceAll(told, nil), t.name, t.room, t.failed(cfg.root))
		}
		lines := result.FindAllString(string(told), -1)
		if len(lines) == 0 {
			return fmt.Errorf("%s\n%s in %s said nothing of its inputs", told, t.name, t.room)
		}
		fmt.Printf("== %s in %s, %.0f s: %s\n", t.name, t.room, time.Since(began).Seconds(), lines[len(lines)-1])
	}
	fmt.Printf("fuzz: %d targets found nothing wrong\n", len(targets))
	return nil
}

// finds is the folder where go test -fuzz keeps what it finds for all targets of the module.
func (cfg config) finds(ctx context.Context) (string, error) {
	var said [2]string
	for i, args := range [][]string{{"env", "GOCACHE"}, {"list", "-m"}} {
		command := exec.CommandContext(ctx, cfg.gotool, args...)
		command.Dir = cfg.root
		out, err := command.Output()
		if err != nil {
			return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
		}
		said[i] = strings.TrimSpace(string(out))
	}
	return filepath.Join(said[0], "fuzz", said[1]), nil
}

// found is a target's folder there.
func (t target) found(finds string) string {
	return filepath.Join(finds, filepath.FromSlash(t.room), t.name)
}
