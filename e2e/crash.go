package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// Kill ends what runs in a pod's first container as the kernel would that has no memory left, and returns when it is
// gone. It gives the container's id, by which its successor can be told from it. Only under InstallAlone may this be
// somebody else's pod.
func Kill(t testing.TB, namespace, labels string) (container string) {
	t.Helper()
	var process int
	Eventually(t, "a process to kill", func() (err error) {
		container, process, err = running(t, namespace, labels)
		return err
	})
	if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the end of a process", func() error {
		if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d is still there: %v", process, err)
		}
		return nil
	})
	return container
}

// KillPod is Kill for one pod of several, and does not wait.
func KillPod(t testing.TB, namespace, name string) {
	t.Helper()
	p := Await(t, Pods, namespace, name, notReady)
	process, err := processInside(identifier(p))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// AwaitSuccessor waits until a container that was killed has been started anew and its pod is ready.
func AwaitSuccessor(t testing.TB, namespace, labels, killed string) {
	t.Helper()
	pod := OnlyPod(t, namespace, labels)
	Await(t, Pods, namespace, pod.Name, func(p *corev1.Pod) error {
		if first(p).ContainerID == "" || identifier(p) == killed {
			return errors.New("it has not been started anew")
		}
		return notReady(p)
	})
}

func running(t testing.TB, namespace, labels string) (container string, process int, err error) {
	pods := PodsOf(t, namespace, labels)
	if len(pods) != 1 || first(&pods[0]).State.Running == nil {
		return "", 0, fmt.Errorf("of %d pods with %s none runs", len(pods), labels)
	}
	container = identifier(&pods[0])
	process, err = processInside(container)
	return container, process, err
}

func first(p *corev1.Pod) corev1.ContainerStatus {
	if len(p.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return p.Status.ContainerStatuses[0]
}

func identifier(p *corev1.Pod) string {
	_, id, _ := strings.Cut(first(p).ContainerID, "://")
	return id
}

// processInside finds a container's process: the one that all others come from.
func processInside(container string) (int, error) {
	all, err := processesIn(container)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("container %s has no process", container)
	}
	return slices.Min(all), nil
}
