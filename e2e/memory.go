package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Memory is what the kernel says a process holds, in MiB.
type Memory struct {
	Resident     float64 // every page it has, shared ones in full
	Proportional float64 // of pages it shares only its part
	Anonymous    float64 // of the resident ones those that no file stands behind: heap, stacks, tables
}

// Plus adds another process's.
func (m Memory) Plus(o Memory) Memory {
	return Memory{m.Resident + o.Resident, m.Proportional + o.Proportional, m.Anonymous + o.Anonymous}
}

// MemoryOf measures the one process of the product that runs a command: driver, provider or controller.
func MemoryOf(t testing.TB, command string) Memory {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file) // one that ended meanwhile is nobody
		arguments := strings.Split(string(line), "\x00")
		if err == nil && len(arguments) > 1 && strings.HasPrefix(filepath.Base(arguments[0]), "strongroom") && arguments[1] == command {
			found = append(found, filepath.Dir(file))
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d processes run %s", len(found), command)
	}
	m, err := rollup(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rollup reads a process's account of its memory.
func rollup(dir string) (m Memory, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		to, wanted := map[string]*float64{"Rss": &m.Resident, "Pss": &m.Proportional, "Anonymous": &m.Anonymous}[name]
		if !wanted {
			continue
		}
		kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		if err != nil {
			return m, fmt.Errorf("%q: %w", line, err)
		}
		*to = float64(kib) / 1024
	}
	return m, nil
}
