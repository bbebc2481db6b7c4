package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Inside runs a program of a pod's own, by its path there, among the pod's files and in its network, and gives what it
// writes. It does so on the node, as root and without the container's limits, and asks neither kubelet nor container
// runtime: a tenth of what Exec costs, and so for what is done again and again. What a container's user may do, Exec tells.
func Inside(t testing.TB, namespace, pod, program string, arguments ...string) (string, error) {
	t.Helper()
	pid, err := processIn(t, namespace, pod, program)
	if err != nil {
		return "", err
	}
	enter := []string{"--target", strconv.Itoa(pid), "--mount", "--net", "--", program}
	c := exec.CommandContext(Within(t, time.Minute), "nsenter", append(enter, arguments...)...)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s in %s: %w: %s", program, pod, err, strings.TrimSpace(complaints.String()))
	}
	return string(out), err
}

// TryRead reads a file of a pod as its processes see it. Links in the path must be relative, as those of volumes are.
func TryRead(t testing.TB, namespace, pod, path string) (string, error) {
	t.Helper()
	pid, err := processIn(t, namespace, pod, path)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(seenBy(pid, path))
	return string(text), err
}

// Read is TryRead for a file that must be there.
func Read(t testing.TB, namespace, pod, path string) string {
	t.Helper()
	text, err := TryRead(t, namespace, pod, path)
	if err != nil {
		t.Fatalf("%s in %s: %v", path, pod, err)
	}
	return text
}

// Written is what a pod's containers have written, as the node keeps it: each line after a time and a stream, and a long one
// in pieces. Before is what those wrote that have ended. Logs asks API server and kubelet; this asks nobody.
func Written(t testing.TB, pod corev1.Pod) (before, now string) {
	t.Helper()
	containers, err := filepath.Glob(filepath.Join("/var/log/pods", pod.Namespace+"_"+pod.Name+"_"+string(pod.UID), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range containers {
		starts, last := map[int]string{}, -1
		files, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is right
		for _, file := range files {
			start, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".log"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // the kubelet keeps one that has ended, and no more
				t.Fatal(err)
			}
			starts[start], last = string(text), max(last, start)
		}
		now += starts[last]
		delete(starts, last)
		for _, text := range starts {
			before += text
		}
	}
	return before, now
}

func processIn(t testing.TB, namespace, pod, path string) (int, error) {
	t.Helper()
	p, err := cluster.Client.CoreV1().Pods(namespace).Get(Within(t, time.Minute), pod, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	return processOf(string(p.UID), path)
}

func seenBy(pid int, path string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), "root", path)
}

// processOf finds a process of a pod that sees a path.
func processOf(uid, path string) (int, error) {
	all, err := processesIn(uid)
	if err != nil {
		return 0, err
	}
	for _, pid := range all {
		if _, err := os.Stat(seenBy(pid, path)); err == nil {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("no process of the pod sees %s", path)
}

// processesIn finds the processes of a pod by its UID, or of a container by its id: either is in the name of their cgroup.
func processesIn(name string) (all []int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cgroup, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cgroup"))
		if err == nil && name != "" && bytes.Contains(cgroup, []byte(name)) { // else it ended meanwhile, or is another's
			all = append(all, pid)
		}
	}
	return all, nil
}
