package kube

import "testing"

func TestTheEndOfADaemonSetIsKnownWithoutAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put("{apiVersion: apps/v1, kind: DaemonSet, metadata: {namespace: sys, name: other}}")
	w.Put("{apiVersion: apps/v1, kind: DaemonSet, metadata: {namespace: sys, name: nmi}}")
	own := w.client.DaemonSet("sys", "nmi")
	heard := news(own.watch)
	running(t, own.Run)
	next(t, heard)
	if stands, err := own.Stands(t.Context()); err != nil || !stands {
		t.Error(stands, err)
	}
	w.Deny("get", "daemonsets") // the role has gone
	if _, err := own.Stands(t.Context()); err == nil {
		t.Error("nobody knows, and nobody says so")
	}
	w.Delete("daemonsets", "sys", "other")
	w.Delete("daemonsets", "sys", "nmi")
	next(t, heard)
	if stands, err := own.Stands(t.Context()); err != nil || stands {
		t.Error(stands, err)
	}
}
