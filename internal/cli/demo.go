package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// runDemo does the product's main job on this machine alone: no root, no cluster, no network.
func runDemo(ctx context.Context, p Process) error {
	set := flags(p, "demo", "demo [--keep]")
	keep := set.Bool("keep", false, "leave everything running at the end, and say how to reach it")
	if err := parse(set, p, false); err != nil {
		return err
	}
	began := time.Now()
	azure := &azureConfig{Chain: true, Freshness: 2 * time.Second, MaxBytes: 64 << 20, APIServerPort: "443"}
	session, err := newSession("demo", azure)
	if err != nil {
		return err
	}
	return session.during(ctx, func(ctx context.Context) error {
		node, err := newDemoNode(session, azure)
		if err != nil {
			return err
		}
		defer node.remove()
		return node.during(ctx, func(ctx context.Context) error {
			d := &demo{Process: p, node: node, emulator: session.emulator, keep: *keep}
			if err := d.show(ctx); err != nil {
				return err
			}
			d.sayWhatNext(time.Since(began))
			if *keep {
				d.sayHowToReach()
				<-ctx.Done()
			}
			return nil
		})
	})
}

// demo tells a story, one scene after the other.
type demo struct {
	Process
	node     *demoNode
	emulator *emulator.Emulator
	keep     bool
}

func (d *demo) show(ctx context.Context) error {
	d.scene("An Azure of our own, the Azure provider and the CSI driver are up in this process")
	row(d.Stdout, "authority", d.emulator.Endpoints().Authority)
	row(d.Stdout, "provider", "unix://"+d.node.providerSocket)
	row(d.Stdout, "driver", "unix://"+d.node.csiSocket)
	for _, scene := range []func(context.Context) error{d.mountEveryMode, d.mountMorePods, d.rotate, d.outage, d.unpublish} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) scene(title string) { fmt.Fprintf(d.Stdout, "\n%s\n", title) }

func (d *demo) mountEveryMode(ctx context.Context) error {
	for _, pod := range demoPods() {
		record, err := d.node.publish(ctx, pod, 1)
		if err != nil {
			return fault.Wrap(err, fault.KindOf(err), pod.example, "the demo could not mount it")
		}
		d.scene(pod.title + ": examples/" + pod.example)
		printIdentity(d.Stdout, outcome{record, standsIn(pod.mode)})
		if err := d.content(record); err != nil {
			return err
		}
	}
	return nil
}

// content tells what a volume holds now and what that cost.
func (d *demo) content(record publish.Record) error {
	files, err := onDisk(record.Target)
	if err != nil {
		return err
	}
	printObjects(d.Stdout, record.Report.Objects, files)
	row(d.Stdout, "cost", costLine(record))
	return nil
}

// mountMorePods follows the mount of the last class at once, so that its answers are young enough to share.
func (d *demo) mountMorePods(ctx context.Context) error {
	pods := demoPods()
	before := len(d.emulator.Requests())
	const more = 20
	for i := range more {
		if _, err := d.node.publish(ctx, pods[len(pods)-1], i+2); err != nil {
			return err
		}
	}
	d.scene(fmt.Sprintf("%d more pods of that class and identity", more))
	row(d.Stdout, "cost", fmt.Sprintf("%d calls to Azure: each pod proves itself anew and shares what was just asked for", len(d.emulator.Requests())-before))
	return nil
}

func (d *demo) rotate(ctx context.Context) error {
	if _, err := d.emulator.Vaults().SetSecret("kvname", "secret1", secret.NewValue([]byte("another secret of kvname"))); err != nil {
		return err
	}
	record, err := d.republish(ctx, fmt.Sprintf("secret1 changes in the vault; a republish of the first pod, once the rotation interval (%s here) is over, brings it", demoInterval))
	if err != nil {
		return err
	}
	if len(record.Change.Updated) == 0 {
		return fault.New(fault.Internal, "demo", "the change did not arrive")
	}
	row(d.Stdout, "updated", strings.Join(record.Change.Updated, ", ")+", in one atomic swap")
	return d.content(record)
}

func (d *demo) outage(ctx context.Context) error {
	if err := d.emulator.SetFaults([]emulator.Fault{{Service: "keyvault", Outage: true}}); err != nil {
		return err
	}
	record, err := d.republish(ctx, "The vault goes down; the files stay, and their age is reported")
	if err != nil {
		return err
	}
	if err := d.content(record); err != nil {
		return err
	}
	row(d.Stdout, "metric", fmt.Sprintf("strongroom_oldest_served_age_seconds %.1f", d.node.recorder.oldest().Seconds()))
	return d.emulator.SetFaults(nil)
}

// republish waits until the content is due again and then does as the kubelet does all the time.
func (d *demo) republish(ctx context.Context, title string) (publish.Record, error) {
	d.scene(title)
	if err := d.wait(ctx, demoInterval); err != nil {
		return publish.Record{}, err
	}
	return d.node.publish(ctx, demoPods()[0], 1)
}

func (d *demo) unpublish(ctx context.Context) error {
	if d.keep {
		return nil
	}
	count, err := d.node.unpublishAll(ctx)
	if err != nil {
		return err
	}
	d.scene("The pods go")
	row(d.Stdout, "removed", fmt.Sprintf("%d volumes, nothing left behind", count))
	return nil
}

func (d *demo) sayWhatNext(took time.Duration) {
	fmt.Fprintf(d.Stdout, `
All of it worked, in %.1f s. To see one class with every decision, then the Azure it was mounted from:
  go run ./cmd/strongroom explain --emulator demo -f examples/workload-identity.yaml
  internal/cli/demo.yaml
`, took.Seconds())
}

// wait lets time pass, visibly where somebody watches.
func (d *demo) wait(ctx context.Context, long time.Duration) error {
	deadline := time.After(long)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	watched := isTerminal(d.Stdout)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			if watched {
				fmt.Fprint(d.Stdout, "\r           \r")
			}
			return nil
		case <-tick.C:
			if watched {
				fmt.Fprint(d.Stdout, ".")
			}
		}
	}
}

// sayHowToReach is what --keep prints.
func (d *demo) sayHowToReach() {
	fmt.Fprintln(d.Stdout)
	sayEndpoints(d.Stdout, d.emulator.Endpoints())
	fmt.Fprintln(d.Stdout, "The node of the demo:")
	row(d.Stdout, "provider", "unix://"+d.node.providerSocket)
	row(d.Stdout, "driver", "unix://"+d.node.csiSocket)
	row(d.Stdout, "files", d.node.dir+" (pods/*/mount, and ca.pem and cloud.json for --ca-file and --cloud-file)")
	fmt.Fprintln(d.Stdout, "Running until interrupted.")
}
