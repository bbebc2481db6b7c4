package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// target is one fuzz target of the product.
type target struct {
	room  string // its folder, seen from the module's root, with slashes
	name  string // of its function
	share int    // one of its inputs takes as long as so many of another; at least 1
}

var (
	shareLine  = regexp.MustCompile(`^//fuzz:share ([1-9][0-9]{0,3})$`)
	targetLine = regexp.MustCompile(`^func (Fuzz[A-Za-z0-9]+)\(`)
)

// inputs is the target's part of what each gets, at least one.
func (t target) inputs(each int) int { return max(each/t.share, 1) }

// compile makes the test program of the target's room.
func (t target) compile(ctx context.Context, cfg config, program string, flags ...string) error {
	command := exec.CommandContext(ctx, cfg.gotool, slices.Concat([]string{"test", "-c", "-o", program}, flags, []string{"./" + t.room})...)
	command.Dir, command.Stderr = cfg.root, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("build the tests of %s: %w", t.room, err)
	}
	return nil
}

// find lists the targets of some rooms, or of all, in the order of the tree. A room without one is refused.
func find(root string, rooms []string) ([]target, error) {
	asked := slices.Clone(rooms)
	if len(asked) == 0 {
		asked = []string{"api", "internal"}
	}
	var all []target
	for _, room := range asked {
		var here []target
		err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(room)), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && len(rooms) > 0 && path != filepath.Join(root, room):
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(root, filepath.Dir(path))
			here = append(here, targetsIn(filepath.ToSlash(inside), text)...)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(here) == 0 {
			return nil, fmt.Errorf("%s has no fuzz target", room)
		}
		all = append(all, here...)
	}
	return all, nil
}

// targetsIn lists the targets that a test file declares.
func targetsIn(room string, text []byte) []target {
	var list []target
	share := 1
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if m := shareLine.FindStringSubmatch(lines.Text()); m != nil {
			share, _ = strconv.Atoi(m[1]) // digits, by the form
			continue
		}
		if m := targetLine.FindStringSubmatch(lines.Text()); m != nil {
			list = append(list, target{room: room, name: m[1], share: share})
		}
		share = 1
	}
	return list
}
