package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A Secret has the Deployments whose pods mount it as owners, and lives exactly as long as they do.
func TestASecretLivesAsLongAsItsDeployments(t *testing.T) {
	t.Parallel()
	Install(t, Syncing)
	p := others(t, nil)
	for _, deployments := range [][]string{{"one", "two"}, {"one"}} {
		ns := Namespace(t)
		othersClass(ns, "class", p, "made").Apply(t)
		for _, name := range deployments {
			Deployment(t, ns, name, 2, Mounting("class"), FromSecret("SECRET_USERNAME", "made", "username"))
		}
		secret := AwaitSecret(t, ns, "made", Owned(len(deployments)))
		if string(secret.Data["username"]) != "first" || secret.Labels["environment"] != "test" {
			t.Errorf("%q, labels %v", secret.Data["username"], secret.Labels)
		}
		MustBeOurs(t, secret)
		for _, pod := range PodsOf(t, ns, "app=one") {
			if got := Exec(t, ns, pod.Name, "sh", "-c", "echo $SECRET_USERNAME"); strings.TrimSpace(got) != "first" {
				t.Errorf("the variable is %q", got)
			}
		}
		for left := len(deployments) - 1; left >= 0; left-- {
			RemoveDeployment(t, ns, deployments[left])
			var err error
			if left > 0 {
				_, err = await(Within(t, time.Minute), Secrets, ns, "made", Owned(left))
			} else {
				err = awaitGone(Within(t, time.Minute), Secrets, ns, "made")
			}
			if err != nil {
				t.Errorf("with %d of %d Deployments: %v", left, len(deployments), err)
			}
		}
	}
}

// A pod that mounts two classes owns both of their Secrets.
func TestTwoClassesInOnePodMakeTwoSecrets(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	p := others(t, nil)
	ns := Namespace(t)
	othersClass(ns, "left", p, "made-left").Apply(t)
	othersClass(ns, "right", p, "made-right").Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("left"), Mounting("right"),
		FromSecret("LEFT", "made-left", "username"), FromSecret("RIGHT", "made-right", "username")))
	if got := Exec(t, ns, "web", "sh", "-c", "cat /mnt/left/db /mnt/right/db; echo $LEFT$RIGHT"); got != "firstfirstfirstfirst\n" {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"made-left", "made-right"} {
		secret := AwaitSecret(t, ns, name, Owned(1))
		if owner := secret.OwnerReferences[0]; owner.Kind != "Pod" || owner.UID != pod.UID {
			t.Errorf("%s is owned by %v", name, owner)
		}
	}
}

// What a provider gives anew reaches files and Secret, and is counted under the names that dashboards know.
func TestARotatedSecretOfOthersReachesFileAndSecret(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	p := others(t, nil)
	ns := Namespace(t)
	othersClass(ns, "class", p, "made").Apply(t)
	Run(t, Pod(ns, "web", Mounting("class")))
	AwaitSecret(t, ns, "made", Holds("username", "first"))
	p.Set("db", "rotated")
	AwaitSecret(t, ns, "made", Holds("username", "rotated"))
	if got := Exec(t, ns, "web", "cat", "/mnt/class/db"); got != "rotated" {
		t.Errorf("the Secret is rotated and the file is %q", got)
	}
	AwaitEvent(t, ns, "web", "MountRotationComplete", "db")
	event := AwaitEvent(t, ns, "web", "SecretRotationComplete", "made")
	if event.Source.Component != "csi-secrets-store-rotation" || event.Type != corev1.EventTypeNormal {
		t.Errorf("told by %s as %s", event.Source.Component, event.Type)
	}
	Run(t, Pod(ns, "short", Mounting("class")))
	Remove(t, ns, "short")
	metrics := DriverMetrics(t)
	for _, name := range []string{"node_publish_total", "node_unpublish_total", "rotation_reconcile_total"} {
		if !slices.ContainsFunc(keysOf(metrics), func(key string) bool { return strings.HasPrefix(key, name) && metrics[key] > 0 }) {
			t.Errorf("%s is not counted", name)
		}
	}
}

func keysOf(m map[string]float64) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}
