package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// opaque is a class that makes one Secret, with the key "value", of the vault's secret1.
func opaque(ns, name string, vault azure.Vault, reader azure.Identity, secret string) Class {
	class := WorkloadClass(ns, name, vault, reader, "secret1")
	class.SecretObjects = "[{secretName: " + secret + ", type: Opaque, data: [{objectName: secret1, key: value}]}]"
	return class
}

// A Secret is there before the kubelet looks for it: containers with variables from it start at once, whichever node or
// replica is first.
func TestVariablesFromASecretAreThereOnFirstStart(t *testing.T) {
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	opaque(ns, "class", vault, reader, "made").Apply(t)
	Deployment(t, ns, "web", 3, Mounting("class"), FromSecret("VALUE", "made", "value"))
	for _, pod := range PodsOf(t, ns, "app=web") {
		if got := Exec(t, ns, pod.Name, "sh", "-c", "echo $VALUE"); got != "one\n" {
			t.Errorf("the variable is %q", got)
		}
		for _, event := range Events(t, ns, pod.Name) {
			if event.Type == corev1.EventTypeWarning {
				t.Errorf("%s was told %s: %s", pod.Name, event.Reason, event.Message)
			}
		}
	}
	owned := AwaitSecret(t, ns, "made", Owned(1))
	if owner := owned.OwnerReferences[0]; owner.Kind != "ReplicaSet" {
		t.Errorf("owned by %v", owner)
	}
	MustBeOurs(t, owned)
}

// What is not ours, what another class makes, and what cannot be changed is left alone, and said: to the pod by events,
// to whoever looks at the classes by conditions.
func TestSecretsInTheWayAreLeftAloneAndTold(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	Apply(t, "{apiVersion: v1, kind: Secret, metadata: {name: theirs, namespace: "+ns+"}, stringData: {value: precious}}")
	opaque(ns, "taker", vault, reader, "theirs").Apply(t)
	opaque(ns, "first", vault, reader, "shared").Apply(t)

	Run(t, Pod(ns, "taker", Mounting("taker")))
	event := AwaitEvent(t, ns, "taker", "FailedToCreateSecret", ns+"/theirs", "no driver made it", "does not take it over")
	if event.Source.Component != "csi-secrets-store-controller" || event.Type != corev1.EventTypeWarning {
		t.Errorf("told by %s as %s", event.Source.Component, event.Type)
	}
	if theirs := AwaitSecret(t, ns, "theirs", Holds("value", "precious")); len(theirs.OwnerReferences) > 0 || len(theirs.Data) != 1 {
		t.Errorf("it was touched: %v", theirs.ObjectMeta)
	}

	Run(t, Pod(ns, "first", Mounting("first")))
	AwaitSecret(t, ns, "shared", Owned(1))
	second := opaque(ns, "second", vault, reader, "shared")
	second.Apply(t)
	AwaitAccepted(t, ns, "first", "False", "SecretConflict")
	AwaitAccepted(t, ns, "second", "False", "SecretConflict")
	Run(t, Pod(ns, "second", Mounting("second")))
	AwaitEvent(t, ns, "second", "FailedToCreateSecret", "is written by class first")
	AwaitEvent(t, ns, "second", "Rejected", "shared")
	AwaitSecret(t, ns, "shared", Owned(1))
	second.SecretObjects = strings.Replace(second.SecretObjects, "shared", "own", 1)
	second.Apply(t) // which is all that has to be done
	AwaitSecret(t, ns, "own", Holds("value", "one"))
	AwaitAccepted(t, ns, "first", "True", "Accepted")
	AwaitAccepted(t, ns, "second", "True", "Accepted")

	second.SecretObjects = strings.Replace(second.SecretObjects, "Opaque", "example.com/other", 1)
	second.Apply(t)
	AwaitEvent(t, ns, "second", "SecretRotationFailed", "is of type Opaque", "example.com/other")
	removeSecret(t, ns, "own") // as the event says
	AwaitSecret(t, ns, "own", func(s *corev1.Secret) error {
		if s.Type != "example.com/other" {
			return fmt.Errorf("of type %s", s.Type)
		}
		return nil
	})
	AwaitEvent(t, ns, "second", "SecretRotationComplete", "in order again")
}

func removeSecret(t *testing.T, ns, name string) {
	t.Helper()
	if err := cluster.Client.CoreV1().Secrets(ns).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A Secret that somebody edits or deletes is put right while a pod mounts its class; what others add to it stays.
func TestASecretThatIsEditedOrDeletedComesBack(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	opaque(ns, "class", vault, reader, "made").Apply(t)
	Run(t, Pod(ns, "web", Mounting("class")))
	before := AwaitSecret(t, ns, "made", Holds("value", "one"))
	Kubectl(t, "patch", "secret", "made", "-n", ns, "-p", `{"stringData":{"value":"by hand","more":"theirs"},"metadata":{"labels":{"theirs":"stays"}}}`)
	AwaitSecret(t, ns, "made", func(s *corev1.Secret) error {
		if s.ResourceVersion == before.ResourceVersion || string(s.Data["value"]) != "one" {
			return errors.New("it is not put right")
		}
		if string(s.Data["more"]) != "theirs" || s.Labels["theirs"] != "stays" {
			return Hopeless("what others added is gone: %v", s.Labels)
		}
		return nil
	})
	removeSecret(t, ns, "made")
	after := AwaitSecret(t, ns, "made", func(s *corev1.Secret) error {
		if s.UID == before.UID {
			return errors.New("it is the old one")
		}
		return Holds("value", "one")(s)
	})
	MustBeOurs(t, after)
	if err := Owned(1)(after); err != nil {
		t.Error(err)
	}
}

// Where Secrets are off, which is the default, files are mounted, and the pod is told why its Secret never comes.
func TestWhereSecretsAreOffThePodIsTold(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	opaque(ns, "class", vault, reader, "made").Apply(t)
	WorkloadClass(ns, "plain", vault, reader, "secret1").Apply(t)
	Create(t, Pod(ns, "waiting", Mounting("class"), FromSecret("VALUE", "made", "value")))
	Run(t, Pod(ns, "web", Mounting("class")))
	Run(t, Pod(ns, "plain", Mounting("plain")))
	for _, pod := range []string{"waiting", "web"} {
		AwaitEvent(t, ns, pod, "FailedToCreateSecret", "(made)", "ensure syncSecret.enabled=true is set")
	}
	for _, event := range Events(t, ns, "plain") {
		if event.Reason == "FailedToCreateSecret" {
			t.Errorf("a pod that asks for none is told %s", event.Message)
		}
	}
	driver := OnlyPod(t, systemNamespace, "app="+Driver)
	text, err := logs(t.Context(), systemNamespace, driver.Name, &corev1.PodLogOptions{Container: "secrets-store"})
	if err != nil || !strings.Contains(text, "ensure syncSecret.enabled=true is set") {
		t.Errorf("the driver's log does not say so: %v", err)
	}
	if _, err := cluster.Client.CoreV1().Secrets(ns).Get(t.Context(), "made", metav1.GetOptions{}); err == nil {
		t.Error("there is a Secret")
	}
}
