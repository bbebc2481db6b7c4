package main

import (
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

// batch is how many inputs one run of a test program gets: each is a file, and a test of its own. In memory that is some
// 10 MB, of which a container may have no more than 64.
const batch = 2000

// memory is where their files take a third of the time that they take on a disk; where there is none, they go there.
const memory = "/dev/shm"

var (
	// failing finds the input that a target failed with, and begun the one that was the last when its program hung.
	failing = regexp.MustCompile(`--- FAIL: Fuzz[A-Za-z0-9]+/(mutation-[0-9]+|kept-[0-9]+)`)
	begun   = regexp.MustCompile(`=== RUN +Fuzz[A-Za-z0-9]+/(mutation-[0-9]+|kept-[0-9]+)`)
	// verbose are the lines of what is as it should be.
	verbose = regexp.MustCompile(`(?m)^(=== RUN|\s*--- PASS).*\n`)
)

// desk is where targets are asked.
type desk struct {
	config
	temp     string            // for what the targets write, and for their programs
	files    string            // for the inputs
	programs map[string]string // by room
}

// ask puts the kept inputs and mutations of them to each target, as many targets at once as there are processors. Chance
// has no part in it: whoever asks with the same tree, inputs and seed asks the same, so that a change is refused for what
// it changed.
func ask(ctx context.Context, cfg config, targets []target) error {
	began := time.Now()
	temp, err := os.MkdirTemp("", "fuzz-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	files, err := os.MkdirTemp(memory, "fuzz-*")
	if err != nil {
		files = temp
	}
	defer os.RemoveAll(files)
	d := &desk{config: cfg, temp: temp, files: files, programs: map[string]string{}}
	if err := d.build(ctx, targets); err != nil {
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
			asked, err := d.ask(ctx, t)
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
func (d *desk) build(ctx context.Context, targets []target) error {
	for _, t := range targets {
		if d.programs[t.room] != "" {
			continue
		}
		program := filepath.Join(d.temp, filepath.FromSlash(t.room)+".test")
		if err := t.compile(ctx, d.config, program); err != nil {
			return err
		}
		d.programs[t.room] = program
	}
	return nil
}

// ask says how many inputs the target was asked; the error is what its program printed, and where the input is now.
func (d *desk) ask(ctx context.Context, t target) (asked int, err error) {
	kept, err := t.kept(d.root)
	if err != nil {
		return 0, err
	}
	list := kept
	for m, n := newMutator(t, d.seed, kept), t.inputs(d.inputs); n > 0; n -= batch {
		for range min(n, batch) {
			list = append(list, m.next())
		}
		names := map[string]input{}
		for i, in := range list {
			name := fmt.Sprintf("mutation-%d", asked+i-len(kept)+1)
			if asked+i < len(kept) {
				name = fmt.Sprintf("kept-%d", asked+i+1)
			}
			names[name] = in
		}
		if err := d.batch(ctx, t, names); err != nil {
			return asked, err
		}
		asked += len(list)
		list = nil
	}
	return asked, nil
}

// batch asks some inputs, which it writes as files where the program looks for them.
func (d *desk) batch(ctx context.Context, t target, names map[string]input) error {
	root, err := filepath.Abs(d.root)
	if err != nil {
		return err
	}
	at := filepath.Join(d.files, filepath.FromSlash(t.room), t.name)
	defer os.RemoveAll(at)
	inside := filepath.Join(filepath.FromSlash(t.room), "testdata", "fuzz", t.name)
	if err := mirror(root, at, inside); err != nil {
		return err
	}
	for name, in := range names {
		if err := os.WriteFile(filepath.Join(at, inside, name), in.format(), 0o644); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, d.programs[t.room], "-test.run", "^"+t.name+"$", "-test.timeout", d.patience.String(), "-test.failfast", "-test.v")
	command.Dir, command.Env = filepath.Join(at, filepath.FromSlash(t.room)), append(os.Environ(), "TMPDIR="+d.temp)
	told, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err() // nobody knows what the target would have said
	}
	runs := begun.FindAllSubmatch(told, -1)
	if err != nil {
		return d.refused(t, told, runs, names)
	}
	if len(runs) != len(names) {
		return fmt.Errorf("only %d of %d inputs were asked", len(runs), len(names))
	}
	return nil
}

// refused says what the program printed when it failed, and puts the input where a plain go test asks it from now on.
func (d *desk) refused(t target, told []byte, runs [][][]byte, names map[string]input) error {
	text := verbose.ReplaceAll(told, nil)
	text = text[:min(len(text), 16<<10)]
	named := failing.FindSubmatch(told)
	if named == nil && len(runs) > 0 {
		named = runs[len(runs)-1]
	}
	if named == nil {
		return fmt.Errorf("%s\nit failed without an input's name", text)
	}
	raw := names[string(named[1])].format()
	path := filepath.Join(t.failed(d.root), fmt.Sprintf("%x", sha256.Sum256(raw))[:16])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		return err
	}
	return fmt.Errorf("%s\nthe input is now in %s; keep it there with what mends it:\n%.2000s", text, path, raw)
}
