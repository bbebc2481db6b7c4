package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"time"
)

// batch is how many inputs one run of a test program gets: each is a file, and a test of its own.
const batch = 5000

// memory is where their files take a third of the time that they take on a disk; where there is none, they go there.
const memory = "/dev/shm"

var (
	// failing finds the input that a target failed with, and begun the one that was the last when its program hung.
	failing = regexp.MustCompile(`--- FAIL: Fuzz[A-Za-z0-9]+/(mutation-[0-9]+|kept-[0-9]+)`)
	begun   = regexp.MustCompile(`=== RUN +Fuzz[A-Za-z0-9]+/(mutation-[0-9]+|kept-[0-9]+)`)
	// verbose are the lines of what is as it should be.
	verbose = regexp.MustCompile(`(?m)^(=== RUN|\s*--- PASS).*\n`)
)

// ask puts the kept inputs and mutations of them to each target, as many targets at once as there are processors. Chance
// has no part in it: whoever asks with the same tree, inputs and seed asks the same, so that a change is refused for what
// it changed.
func ask(ctx context.Context, cfg config, targets []target) error {
	began := time.Now()
	work, err := os.MkdirTemp("", "fuzz-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	inputs, err := os.MkdirTemp(memory, "fuzz-*")
	if err != nil {
		inputs = work
	}
	defer os.RemoveAll(inputs)
	programs, err := build(ctx, cfg, targets, work)
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	var print sync.Mutex
	var failures []error
	free := make(chan struct{}, runtime.NumCPU())
	for _, t := range targets {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			at := time.Now()
			asked, err := t.ask(ctx, cfg, programs[t.room], filepath.Join(inputs, filepath.FromSlash(t.room), t.name))
			print.Lock()
			defer print.Unlock()
			fmt.Printf("== %s in %s: %d inputs in %.1f s\n", t.name, t.room, asked, time.Since(at).Seconds())
			if err != nil {
				fmt.Println(err)
				failures = append(failures, fmt.Errorf("%s in %s", t.name, t.room))
			}
		})
	}
	wait.Wait()
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("%d of %d targets FAILED:\n%w", len(failures), len(targets), err)
	}
	fmt.Printf("fuzz: %d targets passed in %.0f s, with seed %d\n", len(targets), time.Since(began).Seconds(), cfg.seed)
	return nil
}

// build compiles the tests of each room once, without the instrumentation that only an engine needs.
func build(ctx context.Context, cfg config, targets []target, work string) (map[string]string, error) {
	programs := map[string]string{}
	for _, t := range targets {
		if programs[t.room] != "" {
			continue
		}
		program := filepath.Join(work, filepath.FromSlash(t.room)+".test")
		command := exec.CommandContext(ctx, cfg.gotool, "test", "-c", "-o", program, "./"+t.room)
		command.Dir, command.Stderr = cfg.root, os.Stderr
		if err := command.Run(); err != nil {
			return nil, fmt.Errorf("build the tests of %s: %w", t.room, err)
		}
		programs[t.room] = program
	}
	return programs, nil
}

// ask says how many inputs the target was asked; the error is what its program printed, and where the input is now.
func (t target) ask(ctx context.Context, cfg config, program, work string) (asked int, err error) {
	kept, err := t.kept(cfg.root)
	if err != nil {
		return 0, err
	}
	list := kept
	for m, n := newMutator(t, cfg.seed, kept), t.inputs(cfg.inputs); n > 0; n -= batch {
		for range min(n, batch) {
			list = append(list, m.next())
		}
		names, err := t.put(cfg.root, work, list, asked, len(kept))
		if err != nil {
			return asked, err
		}
		if err := t.run(ctx, cfg, program, work, names); err != nil {
			return asked, err
		}
		asked += len(list)
		list = nil
	}
	return asked, nil
}

// put writes a batch as files where the program will look for them, and returns them by the names of their tests.
func (t target) put(root, work string, list []input, from, kept int) (map[string]input, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	inside := filepath.Join(filepath.FromSlash(t.room), "testdata", "fuzz", t.name)
	if err := os.RemoveAll(work); err != nil {
		return nil, err
	}
	if err := mirror(root, work, inside); err != nil {
		return nil, err
	}
	names := map[string]input{}
	for i, in := range list {
		name := fmt.Sprintf("mutation-%d", from+i-kept+1)
		if from+i < kept {
			name = fmt.Sprintf("kept-%d", from+i+1)
		}
		names[name] = in
		if err := os.WriteFile(filepath.Join(work, inside, name), in.format(), 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// run asks a batch. The first input that fails is put where a plain go test asks it from now on.
func (t target) run(ctx context.Context, cfg config, program, work string, names map[string]input) error {
	command := exec.CommandContext(ctx, program, "-test.run", "^"+t.name+"$", "-test.timeout", cfg.patience.String(), "-test.failfast", "-test.v")
	command.Dir = filepath.Join(work, filepath.FromSlash(t.room))
	var told bytes.Buffer
	command.Stdout, command.Stderr = &told, &told
	err := command.Run()
	if err == nil {
		return nil
	}
	const most = 16 << 10
	text := verbose.ReplaceAll(told.Bytes(), nil)
	text = text[:min(len(text), most)]
	named := failing.FindSubmatch(told.Bytes())
	if runs := begun.FindAllSubmatch(told.Bytes(), -1); named == nil && len(runs) > 0 {
		named = runs[len(runs)-1]
	}
	if named != nil {
		in := names[string(named[1])]
		raw := in.format()
		path := filepath.Join(t.failed(cfg.root), fmt.Sprintf("%x", sha256.Sum256(raw))[:16])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			return err
		}
		return fmt.Errorf("%s\nthe input is now in %s; keep it there with what mends it:\n%.2000s", text, path, raw)
	}
	return fmt.Errorf("%s\n%w, without an input's name", text, err)
}
