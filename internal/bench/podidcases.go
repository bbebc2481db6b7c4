package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// measureNode is what one node and its scale set see, with NMI's process there and MIC's beside it.
func (p *podIdentity) measureNode(ctx context.Context) error {
	p.cluster.Put(nodeManifest(0, 1))
	mic, err := p.mic(ctx)
	if err != nil {
		return err
	}
	defer mic.stop()
	nmi, err := p.nmi(ctx)
	if err != nil {
		return err
	}
	defer nmi.stop()
	for _, step := range []struct {
		after string
		do    func() error
	}{
		{"40 pods", func() error { return p.fortyPods(ctx) }},
		{"1,000 requests", func() error { return p.thousandRequests(ctx, nmi) }},
		{"one pod after the other", func() error { return p.onePod(ctx, nmi) }},
		{"400 pods more", func() error { return p.fourHundredPods(ctx) }},
		{"20 s without news", func() error { time.Sleep(20 * time.Second); return ctx.Err() }},
	} {
		if err := step.do(); err != nil {
			return err
		}
		of, err := mic.memory()
		if err != nil {
			return err
		}
		and, err := nmi.memory()
		if err != nil {
			return err
		}
		fmt.Printf("  after %s: MIC %s; NMI %s (aim: 35 each)\n", step.after, of, and)
	}
	return nil
}

// fortyPods is the first use of five identities.
func (p *podIdentity) fortyPods(ctx context.Context) error {
	var all strings.Builder
	for i := range 40 {
		all.WriteString("---\n" + podManifest(fmt.Sprint("first-", i), i%identified, 0, podAddress(1, i)))
	}
	p.emulator.ResetRequests()
	began := time.Now()
	p.cluster.Put(all.String())
	if err := p.assigned(ctx, 40); err != nil {
		return err
	}
	took, counts := time.Since(began), p.emulator.Counts()
	fmt.Printf("40 pods over 5 identities, all Assigned: %.2f s (aim: %.0f); %d PATCH (1), %d GET (1), %d logins (1), %d looks at the update\n",
		took.Seconds(), (updateTime + 2*time.Second).Seconds(), counts["vmss-patch"], counts["vmss-get"], counts["token"], counts["arm-operation"])
	return nil
}

// thousandRequests is fifty clients at a time, first with nothing in memory, then three times with the tokens there.
func (p *podIdentity) thousandRequests(ctx context.Context, nmi *daemon) error {
	a := asking{Address: nmi.said("address"), Requests: 1000, AtOnce: 50}
	for i := range 40 {
		a.Pods = append(a.Pods, podAddress(1, i))
	}
	for n, what := range []string{"of a new NMI, with connecting", "again, with connecting", "connected", "connected", "connected"} {
		p.emulator.ResetRequests()
		a.Connected = n > 1
		got, err := asks(ctx, a)
		if err != nil {
			return err
		}
		fmt.Printf("1,000 requests, 50 at a time, %s: p50 %s, p99 %s (aim: 2 ms), most %s; %d requests to IMDS (aim: 5 in all)\n",
			what, brief(got.P50), brief(got.P99), brief(got.Most), p.emulator.Counts()["imds-token"])
	}
	alone := a
	alone.AtOnce = 1
	got, err := asks(ctx, alone)
	if err != nil {
		return err
	}
	fmt.Printf("1,000 requests, one after the other: p50 %s, p99 %s\n", brief(got.P50), brief(got.P99))
	if err := p.beside(ctx, nmi, a); err != nil {
		return err
	}
	return p.processorTime(ctx, nmi, a)
}

// processorTime is what a busy machine changes least: how much of a processor an answer takes, and how much the pods'
// process beside it.
func (p *podIdentity) processorTime(ctx context.Context, nmi *daemon, a asking) error {
	a.Requests = 20_000
	before, err := nmi.figure("process_cpu_seconds_total")
	if err != nil {
		return err
	}
	got, err := asks(ctx, a)
	if err != nil {
		return err
	}
	after, err := nmi.figure("process_cpu_seconds_total")
	if err != nil {
		return err
	}
	each := func(seconds float64) float64 { return seconds * 1e6 / float64(a.Requests) }
	fmt.Printf("20,000 requests, 50 at a time: %.0f µs of NMI's processor time each, %.0f of the pods'; p50 %s, p99 %s; load %s\n",
		each(after-before), each(got.Processor.Seconds()), brief(got.P50), brief(got.P99), load())
	return nil
}

// onePod is a pod whose identity is there already, from its creation to its token.
func (p *podIdentity) onePod(ctx context.Context, nmi *daemon) error {
	p.emulator.ResetRequests()
	var took []time.Duration
	for i := range 10 {
		began := time.Now()
		p.cluster.Put(podManifest(fmt.Sprint("later-", i), i%identified, 0, podAddress(2, i)))
		c := &asker{address: nmi.said("address"), pod: podAddress(2, i), buffer: make([]byte, 16<<10)}
		_, err := c.burst(ctx, 1)
		c.close()
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	counts := p.emulator.Counts()
	fmt.Printf("attached identity, creation to token: median %s, most %s of %d (aim: 150 ms); %d calls of the resource manager (aim: 0)\n",
		brief(took[len(took)/2]), brief(took[len(took)-1]), len(took), counts["vmss-patch"]+counts["vmss-get"]+counts["arm-operation"])
	return nil
}

// fourHundredPods all use identities that are there already.
func (p *podIdentity) fourHundredPods(ctx context.Context) error {
	var all strings.Builder
	for i := range 400 {
		all.WriteString("---\n" + podManifest(fmt.Sprint("many-", i), i%identified, 0, podAddress(3+i/200, i%200)))
	}
	began := time.Now()
	p.cluster.Put(all.String())
	if err := p.assigned(ctx, 450); err != nil {
		return err
	}
	fmt.Printf("400 pods on attached identities, the last one Assigned: %s (aim: 5 s)\n", brief(time.Since(began)))
	return nil
}

// podAddress is an address of the loopback network.
func podAddress(net, pod int) string { return fmt.Sprintf("127.0.%d.%d", net, pod+1) }

func brief(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}
