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
	first, err := p.firstPass(mic)
	if err != nil {
		return err
	}
	passes, err := p.passes(mic, 6)
	if err != nil {
		return err
	}
	sum, err := mic.figure(passTime)
	if err != nil {
		return err
	}
	memory, err := mic.memory()
	if err != nil {
		return err
	}
	fmt.Printf("MIC with %d pods on %d nodes of 20 scale sets: %s (aim: 200); the first pass %.0f ms, the mean of %.0f later ones %.0f ms (aim: 200)\n",
		manyPods, manyNodes, memory, 1000*first, passes-1, 1000*(sum-first)/(passes-1))
	return nil
}

// What MIC says of its passes.
const (
	passTime  = "aadpodidentity_mic_cycle_duration_seconds_sum"
	passCount = "aadpodidentity_mic_cycle_count"
)

// firstPass waits for the one that a new leader makes, beside what has just been read from the API server; no other
// follows it at once. It is in seconds.
func (p *podIdentity) firstPass(mic *daemon) (float64, error) {
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(20 * time.Millisecond) {
		took, err := mic.figure(passTime)
		if err != nil {
			return 0, err
		}
		passes, err := mic.figure(passCount)
		switch {
		case err != nil:
			return 0, err
		case passes > 1:
			return 0, fmt.Errorf("%.0f passes before the first was looked at", passes)
		case took > 0:
			return took, nil
		}
	}
	return 0, fmt.Errorf("no pass in two minutes: %s", mic.log.text())
}

// passes waits for so many, each caused by a pod that comes or goes.
func (p *podIdentity) passes(mic *daemon, many float64) (float64, error) {
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		passes, err := mic.figure(passCount)
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
	var pods []*match.Pod
	for i := range manyPods {
		name, node := fmt.Sprint("pod-", i), i%manyNodes
		p.cluster.Put(podManifest(name, i%identified, node, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)))
		pods = append(pods, &match.Pod{Namespace: "bench", Name: name, Node: fmt.Sprint("node-", node), Binding: fmt.Sprint("id-", i%identified)})
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
