package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"strongroom/e2e/image"
)

// product builds the product's image as one would release it, with the tool that does; the very same program plays Azure.
func product(out string) error {
	dir := filepath.Join(out, "product")
	built := filepath.Join(dir, "strongroom-linux-"+runtime.GOARCH)
	if err := run("../tools", nil, "go", "run", "./image", "-out", dir, "-arch", runtime.GOARCH, "-version", "e2e"); err != nil {
		return err
	}
	return errors.Join(link(built, filepath.Join(out, "strongroom")), link(built+".tar", filepath.Join(out, "images", "strongroom.tar")))
}

// boxes are the names of one image, by archive: that of the scenarios, and those in examples/, which run as they are.
var boxes = map[string]string{
	"busybox.tar":        "localhost/busybox:e2e",
	"busybox-1.29.tar":   "k8s.gcr.io/e2e-test-images/busybox:1.29",
	"busybox-1.29-1.tar": "k8s.gcr.io/e2e-test-images/busybox:1.29-1",
}

// baseImages are what pods of the tests are made of.
func baseImages(out string) error {
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return err
	}
	links := map[string]string{}
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" {
			links["/bin/"+applet] = "/bin/busybox"
		}
	}
	for file, name := range boxes {
		box := image.Image{Name: name, Files: map[string]string{"/bin/busybox": busybox}, Links: links}
		if err := box.Write(filepath.Join(out, "images", file)); err != nil {
			return err
		}
	}
	program := filepath.Join(out, "pause")
	if err := run("", []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./pause"); err != nil {
		return err
	}
	pause := image.Image{Name: "localhost/pause:e2e", Files: map[string]string{"/pause": program}, Entrypoint: []string{"/pause"}}
	return pause.Write(filepath.Join(out, "images", "pause.tar"))
}
