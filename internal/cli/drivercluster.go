package cli

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
	"strongroom/internal/kube"
	"strongroom/internal/podstatus"
	"strongroom/internal/publish"
	"strongroom/internal/secretsync"
	"strongroom/internal/telemetry"
)

// Components of the driver's events, which people filter by.
const (
	rotationComponent = "csi-secrets-store-rotation"
	syncComponent     = "csi-secrets-store-controller"
)

// cluster is what a driver in a cluster has besides one on a laptop: it knows its node's pods and every class, writes
// down what is mounted, and copies it into Secrets where the operator allows that.
type cluster struct {
	client  *kube.Client
	classes *kube.Classes
	pods    *kube.Pods
	status  *podstatus.Recorder
	sync    *secretsync.Syncer // nil when Secrets are not synced
	off     *secretsync.Off    // in its place; else nil
	secrets *kube.Secrets
	events  []*kube.Events
	log     *slog.Logger
}

func (c *driverConfig) newCluster(log *slog.Logger, metrics *telemetry.Metrics) (*cluster, error) {
	client, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, UserAgent: "strongroom-driver/" + Version, Log: log})
	if fault.KindOf(err) == fault.Unsupported {
		return nil, fault.New(fault.Unsupported, "cluster access", "this process does not run in a cluster").
			Mend("--kubeconfig FILE, or --class-dir DIRECTORY for a driver without a cluster")
	}
	if err != nil {
		return nil, err
	}
	rotation, syncing := client.Events(rotationComponent), client.Events(syncComponent)
	k := &cluster{client: client, classes: client.Classes(), pods: client.Pods(c.NodeID), events: []*kube.Events{rotation, syncing}, log: log}
	k.status = podstatus.New(podstatus.Config{
		Node: c.NodeID, Statuses: client.PodStatuses(c.NodeID), Events: statusEvents{rotation}, Clock: clock.Real{}, Log: log,
	})
	if c.SyncSecrets {
		k.secrets = client.Secrets()
		k.sync = secretsync.New(secretsync.Config{
			Secrets: syncSecrets{k.secrets}, Classes: k.classes, Pods: syncPods{k.pods}, Events: syncEvents{syncing, rotation},
			Log: log, Clock: clock.Real{}, Meter: metrics,
		})
	} else {
		k.off = &secretsync.Off{Events: syncEvents{syncing, rotation}, Log: log}
	}
	return k, nil
}

// attach has the publisher hear of what changes in the cluster. It belongs before run.
func (k *cluster) attach(p *publish.Publisher) {
	k.classes.OnChange(func(change kube.ClassChange) {
		if change.Spec {
			p.ClassChanged(change.Namespace, change.Name)
			if k.sync != nil {
				k.sync.ClassChanged(change.Namespace, change.Name)
			}
		}
		if change.Refresh {
			p.Refresh(change.Namespace, change.Name)
		}
	})
	k.pods.OnRefresh(p.RefreshPod)
	if k.sync != nil {
		k.pods.OnGone(k.sync.ForgetPod)
		k.secrets.OnChange(k.sync.Changed)
	}
}

// follower copies what is mounted into Secrets, or tells pods that nobody does.
func (k *cluster) follower() publish.Follower {
	if k.sync == nil {
		return k.off
	}
	return k.sync
}

// recorders are those of the cluster's that are told of each publish.
func (k *cluster) recorders() publish.Recorders {
	if k.sync == nil {
		return publish.Recorders{k.status, leaving{k.off}}
	}
	return publish.Recorders{k.status, leaving{k.sync}}
}

// Run watches and writes until ctx is done.
func (k *cluster) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	runs := []func(context.Context) error{k.classes.Run, k.pods.Run, k.status.Run}
	for _, events := range k.events {
		runs = append(runs, events.Run)
	}
	if k.sync != nil {
		runs = append(runs, k.secrets.Run, k.sync.Run)
	}
	for _, run := range runs {
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error { return incumbent.Look{Read: k.object, Log: k.log}.Run(ctx) })
	err := group.Wait()
	k.client.Close()
	return err
}

// object reads the CSIDriver object of our name.
func (k *cluster) object(ctx context.Context) (incumbent.Object, error) {
	read, err := k.client.Driver(ctx, driverName)
	return incumbent.Object{Labels: read.Labels, Annotations: read.Annotations, Republish: read.RequiresRepublish}, err
}

// leaving tells a follower of volumes that are gone.
type leaving struct {
	follower interface{ Forget(target string) }
}

func (leaving) Published(publish.Record) {}
func (l leaving) Unpublished(target string, err error) {
	if err == nil {
		l.follower.Forget(target)
	}
}
func (l leaving) Forgotten(target string) { l.follower.Forget(target) }
