package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Exec runs a command in a pod and gives what it writes. It must succeed.
func Exec(t testing.TB, namespace, pod string, command ...string) string {
	t.Helper()
	out, err := TryExec(t, namespace, pod, command...)
	if err != nil {
		t.Fatalf("%v in %s: %v", command, pod, err)
	}
	return out
}

// TryExec is Exec for a command that may fail.
func TryExec(t testing.TB, namespace, pod string, command ...string) (string, error) {
	t.Helper()
	request := cluster.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(cluster.Config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	var out, complaints bytes.Buffer
	err = executor.StreamWithContext(Within(t, time.Minute), remotecommand.StreamOptions{Stdout: &out, Stderr: &complaints})
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), err
}

// Logs gives what the pod's only container has written.
func Logs(t testing.TB, namespace, pod string) string {
	t.Helper()
	text, err := logs(t.Context(), namespace, pod, &corev1.PodLogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func logs(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (string, error) {
	text, err := cluster.Client.CoreV1().Pods(namespace).GetLogs(pod, options).DoRaw(ctx)
	return string(text), err
}

// Kubectl runs kubectl as the administrator and gives what it writes. It must succeed.
func Kubectl(t testing.TB, arguments ...string) string {
	t.Helper()
	out, err := TryKubectl(t, "", arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryKubectl is Kubectl with something to read, for a command that may fail.
func TryKubectl(t testing.TB, input string, arguments ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(Within(t, patience), cluster.Kube(), append([]string{"kubectl"}, arguments...)...)
	c.Stdin = strings.NewReader(input)
	return output(c)
}

// output runs a command as the cluster's administrator. What ends soon need not collect its garbage.
func output(c *exec.Cmd) (string, error) {
	c.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig(), "HOME="+cluster.Scratch(), "GOGC=off")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(c.Args[1:], " "), err, strings.TrimSpace(complaints.String()))
	}
	return string(out), err
}
