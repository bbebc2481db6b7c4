package main

import (
	"errors"
	"maps"
	"os"
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
	if err := run("../tools", nil, "go", "run", "./image", "-out", dir, "-platforms", "linux/"+runtime.GOARCH, "-version", "e2e"); err != nil {
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
	// A pod that names no tag pulls, so this one waits in the registry. It idles by itself, as a server does.
	server := image.Image{Name: "docker.io/library/nginx:latest", Files: map[string]string{"/bin/busybox": busybox}, Links: links,
		Entrypoint: []string{"sh", "-c", "trap exit TERM; sleep 1000000 & wait"}}
	registry := filepath.Join(out, "registry")
	if err := errors.Join(os.MkdirAll(registry, 0o755), server.Write(filepath.Join(registry, "nginx.tar"))); err != nil {
		return err
	}
	files, err := withLibraries("/bin/curl", "/usr/bin/curl")
	if err != nil {
		return err
	}
	files["/bin/busybox"] = busybox
	curl := image.Image{Name: "localhost/curl:e2e", Files: files, Links: links}
	if err := curl.Write(filepath.Join(out, "images", "curl.tar")); err != nil {
		return err
	}
	pause, err := program(out, "pause")
	if err != nil {
		return err
	}
	sdk, err := program(out, "sdk")
	if err != nil {
		return err
	}
	azure := image.Image{Name: "localhost/sdk:e2e", Files: maps.Clone(files), Links: links}
	azure.Files["/bin/sdk"] = sdk
	holder := image.Image{Name: "localhost/pause:e2e", Files: map[string]string{"/pause": pause}, Entrypoint: []string{"/pause"}}
	return errors.Join(azure.Write(filepath.Join(out, "images", "sdk.tar")), holder.Write(filepath.Join(out, "images", "pause.tar")))
}

// program builds one of the directories here, linked statically.
func program(out, name string) (string, error) {
	binary := filepath.Join(out, name)
	return binary, run("", []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./"+name)
}

// withLibraries are the files a program of the machine needs where nothing else is, by their place.
func withLibraries(place, program string) (map[string]string, error) {
	listed, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil, err
	}
	files := map[string]string{place: program}
	for _, word := range strings.Fields(string(listed)) {
		if strings.HasPrefix(word, "/") {
			files[word] = word
		}
	}
	return files, nil
}
