package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	most    = 48      // kept inputs of a target
	biggest = 3 << 10 // bytes of one, as a file
)

// keep writes a choice of what explore found into the tree: small ones, of all sizes, since they grow as they reach
// further. What the tree has already is among what is chosen from.
func keep(ctx context.Context, cfg config, targets []target) error {
	finds, err := cfg.finds(ctx)
	if err != nil {
		return err
	}
	for _, t := range targets {
		paths, err := filepath.Glob(filepath.Join(t.found(finds), "*"))
		if err != nil {
			return err
		}
		if _, err := os.Stat(t.corpus(cfg.root)); err == nil {
			paths = append(paths, t.corpus(cfg.root))
		}
		var all [][]byte
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			list, err := parseInputs(text)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			for _, in := range list {
				if raw := in.format(); len(raw) <= biggest {
					all = append(all, raw)
				}
			}
		}
		if len(all) == 0 {
			return fmt.Errorf("nothing was found for %s in %s: fuzz explore %s", t.name, t.room, t.room)
		}
		chosen := choose(all, most)
		if err := os.MkdirAll(filepath.Dir(t.corpus(cfg.root)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(t.corpus(cfg.root), bytes.Join(chosen, nil), 0o644); err != nil {
			return err
		}
		fmt.Printf("== %s in %s: %d of %d\n", t.name, t.room, len(chosen), len(all))
	}
	return nil
}

// choose takes so many of all, evenly from the smallest to the biggest.
func choose(all [][]byte, most int) [][]byte {
	slices.SortFunc(all, func(a, b []byte) int { return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b)) })
	all = slices.CompactFunc(all, bytes.Equal)
	if len(all) <= most {
		return all
	}
	chosen := make([][]byte, most)
	for i := range chosen {
		chosen[i] = all[i*(len(all)-1)/(most-1)]
	}
	return chosen
}
