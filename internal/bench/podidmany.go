package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/kube/kubefake"
	"strongroom/internal/podid/match"
)

const (
	manyNodes = 1000
	manyPods  = 20_000
)

// measureMany is a MIC that takes over a cluster of twenty thousand pods, each with its identity, on scale sets that have
// them all.
func (p *podIdentity) measureMany(ctx context.Context) error {
	if err := p.fill(); err != nil {
		return err
	}
	mic, err := p.mic(ctx)
	if err != nil {
		return err
	}
	defer mic.stop()
	passes, err := p.passes(mic, 5)
	if err != nil {
		return err
	}
	sum, err := mic.figure("aadpodidentity_mic_cycle_duration_seconds_sum")
	if err != nil {
		return err
	}
	memory, err := mic.memory()
	if err != nil {
		return err
	}
	fmt.Printf("MIC with %d pods on %d nodes of 20 scale sets: %s (aim: 200); %.0f passes, mean %.0f ms (aim: 200)\n",
		manyPods, manyNodes, memory, passes, 1000*sum/passes)
	return nil
}

// passes waits for so many, each caused by a pod that comes or goes.
func (p *podIdentity) passes(mic *daemon, many float64) (float64, error) {
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		passes, err := mic.figure("aadpodidentity_mic_cycle_count")
		if err != nil || passes >= many {
			return passes, err
		}
		if time.Since(began) > 2*time.Minute {
			return 0, fmt.Errorf("%.0f passes in two minutes: %s", passes, mic.log.text())
		}
		if !p.cluster.Delete("pods", "bench", "one-more") {
			p.cluster.Put(podManifest("one-more", 0, 0, "127.0.0.9"))
		}
	}
}

// fill makes the cluster, with everything assigned.
func (p *podIdentity) fill() error {
	for i := range manyNodes {
		p.cluster.Put(nodeManifest(i, 20))
	}
	var pods []match.Pod
	for i := range manyPods {
		name, node := fmt.Sprint("pod-", i), i%manyNodes
		p.cluster.Put(podManifest(name, i%identified, node, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)))
		pods = append(pods, match.Pod{Namespace: "bench", Name: name, Node: fmt.Sprint("node-", node), Binding: fmt.Sprint("id-", i%identified)})
	}
	var identities []aadpodidentity.Identity
	var bindings []aadpodidentity.Binding
	for i := range identified {
		name := fmt.Sprint("id-", i)
		one, err := read(p.cluster, "azureidentities", name, aadpodidentity.DecodeIdentity)
		if err != nil {
			return err
		}
		other, err := read(p.cluster, "azureidentitybindings", name, aadpodidentity.DecodeBinding)
		if err != nil {
			return err
		}
		identities, bindings = append(identities, one), append(bindings, other)
	}
	wanted, _ := match.Desired(pods, bindings, identities, false)
	for _, w := range wanted {
		object := w.Object()
		object.State = aadpodidentity.Assigned
		text, err := aadpodidentity.EncodeAssignedIdentity(object)
		if err != nil {
			return err
		}
		p.cluster.Put(string(text))
	}
	return nil
}

// read is an object of the cluster, as MIC would see it.
func read[T any](cluster *kubefake.Server, plural, name string, decode func([]byte) (T, error)) (T, error) {
	object, _ := cluster.Get(plural, "bench", name)
	text, err := json.Marshal(object)
	if err != nil {
		var none T
		return none, err
	}
	return decode(text)
}
