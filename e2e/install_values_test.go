package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A release is changed under running pods: they keep their files and are served by the new settings. CRDs of an older make
// are brought up to date by the upgrade, and neither a rollback nor a removal takes them, or a class, away. Of two
// controllers one works, and when it is killed the other does.
func TestAReleaseIsChangedUnderRunningPods(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	m := newMove(t)
	UpstreamCRDs(t)
	Upgrade(t, "{rotationPollInterval: 7s, syncSecret: {enabled: true}, controller: {replicas: 2}}")
	if err := columns(t); err != nil {
		t.Error(err)
	}
	m.watcher.Allow("two")
	version := m.vault.Set(t, "secret1", "two")
	m.reach(t, "two")
	m.status(t, m.pods[0], version)

	class := WorkloadClass(m.ns, "synced", m.vault, m.reader, "secret1")
	class.SecretObjects = "[{secretName: copied, type: Opaque, data: [{objectName: secret1, key: value}]}]"
	class.Apply(t)
	Run(t, Pod(m.ns, "synced", Mounting("synced")))
	Await(t, Secrets, m.ns, "copied", func(s *corev1.Secret) error {
		if got := string(s.Data["value"]); got != "two" {
			return fmt.Errorf("it holds %q", got)
		}
		return nil
	})
	leaderFails(t, m.ns)

	Helm(t, "rollback", release, "--namespace", systemNamespace, "--timeout", "5m")
	AwaitInstalled(t)
	if err := columns(t); err != nil {
		t.Errorf("after a rollback: %v", err)
	}
	m.watcher.Allow("three")
	m.vault.Set(t, "secret1", "three")
	m.reach(t, "three")
	m.watcher.Stop()
	Kubectl(t, "get", "secretproviderclass", "class", "--namespace", m.ns)
}

// leaderFails kills the controller that works, and has a class judged that it never saw.
func leaderFails(t *testing.T, ns string) {
	t.Helper()
	holder := leader(t)
	if err := cluster.Client.CoreV1().Pods(systemNamespace).Delete(t.Context(), holder, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
		t.Fatalf("the leader %q: %v", holder, err)
	}
	Apply(t, InNamespace(t, ns, `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: wrong}
spec: {provider: azure, parameters: {keyvaultNam: typo, tenantID: `+ns+`}}
`))
	Await(t, Classes, ns, "wrong", func(c *judged) error {
		for _, one := range c.Status.Conditions {
			if one.Type == "Accepted" && one.Status == metav1.ConditionFalse {
				return nil
			}
		}
		return errors.New("it was not judged")
	})
	if now := leader(t); now == holder {
		t.Errorf("the lease still belongs to %s", now)
	}
}

// judged is a class with what is found out about it.
type judged struct {
	Status struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// leader is the pod of the controller that works. One that was killed keeps the lease until it runs out.
func leader(t *testing.T) (pod string) {
	t.Helper()
	Eventually(t, "a leader", func() error {
		holder := Kubectl(t, "get", "lease", Controller, "--namespace", systemNamespace, "--output", "jsonpath={.spec.holderIdentity}")
		pod, _, _ = strings.Cut(holder, "_") // what follows tells one process in it from the next
		found, err := cluster.Client.CoreV1().Pods(systemNamespace).Get(t.Context(), pod, metav1.GetOptions{})
		if err == nil && found.DeletionTimestamp != nil {
			err = errors.New(pod + " is going")
		}
		return err
	})
	return pod
}
