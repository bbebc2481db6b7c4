// Prepare makes everything the end-to-end tests run: Kubernetes, the product, helm and the images. It installs Debian's
// container runtime where it is missing. What takes long is cached between runs.
//
//	go run ./prepare [-kube 1.36,1.34] [-out ../bin/e2e]      in e2e/
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"strongroom/e2e/node"
)

// skipped is the exit code when the tests cannot run here and nobody minds.
const skipped = 77

func main() {
	versions := flag.String("kube", "1.36,1.34", "versions of Kubernetes, separated by commas; empty for none")
	out := flag.String("out", "../bin/e2e", "`directory` for programs and images")
	flag.Parse()
	if why := node.Impossible(); why != "" {
		if os.Getenv("STRONGROOM_E2E_SKIP") == "1" {
			fmt.Println("SKIPPED: no end-to-end test was run: " + why)
			os.Exit(skipped)
		}
		fmt.Fprintln(os.Stderr, "e2e:", why+"; STRONGROOM_E2E_SKIP=1 skips the end-to-end tests")
		os.Exit(1)
	}
	if err := prepare(*out, strings.FieldsFunc(*versions, func(r rune) bool { return r == ',' || r == ' ' })); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
}

func prepare(out string, versions []string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, "images"), 0o755); err != nil {
		return err
	}
	if err := packages(); err != nil {
		return err
	}
	for _, version := range versions {
		if err := kubernetes(out, version); err != nil {
			return err
		}
	}
	for _, step := range []func(string) error{helm, baseImages, product} {
		if err := step(out); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command, tells of it and how long it took, and shows its output only when it fails.
func run(dir string, environment []string, name string, args ...string) error {
	began := time.Now()
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), environment...)
	text, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, text)
	}
	fmt.Printf("e2e: %.1f s  %s %s\n", time.Since(began).Seconds(), name, strings.Join(args, " "))
	return nil
}
