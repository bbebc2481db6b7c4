package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Mounts gives the node's mount points whose path holds the text, such as a pod's UID.
func Mounts(t testing.TB, text string) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.Contains(fields[4], text) {
			points = append(points, fields[4])
		}
	}
	return points
}

// Metrics reads a page of metrics, http://ADDRESS/metrics, into values by name and labels as they are spelled there.
func Metrics(t testing.TB, address string) map[string]float64 {
	t.Helper()
	text, err := get(Within(t, 30*time.Second), "http://"+address+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, found := cutLast(strings.TrimSpace(line), " ")
		if !found || line[0] == '#' {
			continue
		}
		if values[name], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return values
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// get fetches a page from an address of the node's network.
func get(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, response.Status, text)
	}
	return string(text), err
}

// dump tells what a test that failed may have failed of: the pods of its namespace and their events, the logs of what
// was installed, and the kubelet's.
func dump(ctx context.Context, t testing.TB, namespace string) {
	t.Helper()
	for _, space := range []string{namespace, systemNamespace} {
		list, err := cluster.Client.CoreV1().Pods(space).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Logf("pods of %s: %v", space, err)
			continue
		}
		for _, p := range list.Items {
			t.Logf("pod %s/%s: %s, %v", space, p.Name, p.Status.Phase, notReady(&p))
			if space == systemNamespace {
				dumpLogs(ctx, t, p)
			}
		}
		events, err := cluster.Client.CoreV1().Events(space).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Logf("events of %s: %v", space, err)
			continue
		}
		for _, e := range events.Items {
			t.Logf("event %s/%s: %s x%d: %s", space, e.InvolvedObject.Name, e.Reason, e.Count, e.Message)
		}
	}
	t.Logf("kubelet, the end:\n%s", cluster.Tail("kubelet", 3000))
	t.Logf("emulator, the end:\n%s", cluster.Tail("azure", 1000))
}

func dumpLogs(ctx context.Context, t testing.TB, p corev1.Pod) {
	t.Helper()
	lines := int64(40)
	for _, c := range p.Spec.Containers {
		text, err := logs(ctx, p.Namespace, p.Name, &corev1.PodLogOptions{Container: c.Name, TailLines: &lines})
		t.Logf("%s/%s, the end (%v):\n%s", p.Name, c.Name, err, text)
	}
}
