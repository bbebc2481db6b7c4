package e2e

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// mount is the first publish of a pod's volume.
type mount struct {
	pod   string
	calls int           // requests it made
	took  time.Duration // as the driver has it
	asked time.Duration // the provider's part of it
}

// mounts are read from what driver and provider tell of each.
func (b *bench) mounts() []mount {
	b.t.Helper()
	asked := b.told(Provider, "provider-azure-installer", "Mount")
	var list []mount
	for pod, line := range b.told(Driver, "secrets-store", "NodePublishVolume") {
		ask, found := asked[pod]
		if !found {
			b.t.Fatalf("%s was mounted and nobody was asked", pod)
		}
		list = append(list, mount{pod, ask.TokenCalls + ask.VaultCalls, line.Took, ask.Took})
	}
	return list
}

// line is what matters of a line of a log.
type line struct {
	Msg, Method, Code, Pod string
	Took                   time.Duration
	TokenCalls, VaultCalls int
}

// told gives, by pod of the bench, the first line that tells of a method that succeeded.
func (b *bench) told(app, container, method string) map[string]line {
	b.t.Helper()
	pod := OnlyPod(b.t, systemNamespace, "app="+app)
	text, err := logs(b.t.Context(), systemNamespace, pod.Name, &corev1.PodLogOptions{Container: container})
	if err != nil {
		b.t.Fatal(err)
	}
	first := map[string]line{}
	for row := range strings.Lines(text) {
		var l line
		if json.Unmarshal([]byte(row), &l) != nil || l.Msg != "call answered" || l.Code != "OK" || !strings.HasSuffix(l.Method, "/"+method) {
			continue
		}
		name, ours := strings.CutPrefix(l.Pod, b.ns+"/")
		if _, known := first[name]; ours && !known {
			first[name] = l
		}
	}
	return first
}

func median[T cmp.Ordered](list []T) T { return quantile(list, 50) }

// quantile is the figure that so many percent of a list do not exceed.
func quantile[T cmp.Ordered](list []T, percent int) (none T) {
	if len(list) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
