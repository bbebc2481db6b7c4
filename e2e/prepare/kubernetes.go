package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// release finds the version of Kubernetes in a module file.
var release = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)$`)

// modules are the module files by version of Kubernetes.
var modules = map[string]string{"1.36": "go.mod", "1.34": "go-1.34.mod"}

// kubernetes links out/kube-VERSION to a build from the cache, which is made first where it is missing: several minutes
// for two processors. It is kept by what goes into it, and not by the compiler's own cache, which is thirty times as big.
func kubernetes(out, version string) error {
	module, known := modules[version]
	if !known {
		return fmt.Errorf("version %s of Kubernetes is not one of those tested, which are 1.36 and 1.34", version)
	}
	dir, err := filepath.Abs("kube")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, module))
	if err != nil {
		return err
	}
	found := release.FindSubmatch(text)
	if found == nil {
		return fmt.Errorf("%s names no version of k8s.io/kubernetes", module)
	}
	full := string(found[1])
	binary, err := cached("kube-"+full, filepath.Join(dir, module), filepath.Join(dir, strings.TrimSuffix(module, ".mod")+".sum"), filepath.Join(dir, "main.go"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		fmt.Printf("e2e: Kubernetes %s is not in the cache; building it takes about nine minutes on two processors\n", full)
		if err := build(binary, dir, nil, "-modfile="+module, "-ldflags", versionFlags(full), "."); err != nil {
			return err
		}
	}
	return link(binary, filepath.Join(out, "kube-"+version))
}

// versionFlags are the linker's, by which a component knows its version.
func versionFlags(version string) string {
	part := strings.SplitN(version, ".", 3)
	flags := "-s -w"
	for _, variable := range []string{
		"gitVersion=v" + version, "gitMajor=" + part[0], "gitMinor=" + part[1], "gitCommit=strongroom", "buildDate=1970-01-01T00:00:00Z",
	} {
		flags += " -X k8s.io/component-base/version." + variable
	}
	return flags
}

// helm is the version that the tools' module names.
func helm(out string) error {
	binary, err := cached("helm", "../tools/go.mod", "../tools/go.sum")
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		static := []string{"CGO_ENABLED=0"} // as "make helm" builds it, whose compiled packages serve here too: two minutes
		if err := build(binary, "../tools", static, "-ldflags", "-s -w", "helm.sh/helm/v3/cmd/helm"); err != nil {
			return err
		}
	}
	return link(binary, filepath.Join(out, "helm"))
}
