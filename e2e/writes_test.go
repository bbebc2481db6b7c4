package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// asked waits until a vault's secrets were read so many times from now on.
func asked(t *testing.T, vault azure.Vault, times int) {
	t.Helper()
	mark := Azure().Mark(t)
	Eventually(t, "the vault is asked again", func() error {
		if got := len(mark.Since(t, azure.To(vault), azure.Kind("secret-get"))); got < times {
			return fmt.Errorf("%d of %d times", got, times)
		}
		return nil
	})
}

// becomes waits until the Secret "made" has a value, and gives it and how many writes that took.
func becomes(t *testing.T, ns, value string, from *corev1.Secret) (to *corev1.Secret, writes int) {
	t.Helper()
	seen := map[string]bool{from.ResourceVersion: true}
	to = AwaitSecret(t, ns, "made", func(s *corev1.Secret) error {
		seen[s.ResourceVersion] = true
		return Holds("value", value)(s)
	})
	return to, len(seen) - 1
}

// unwritten checks that nobody has written to the Secret "made" since.
func unwritten(t *testing.T, ns string, since *corev1.Secret) {
	t.Helper()
	now := AwaitSecret(t, ns, "made", Present)
	if now.ResourceVersion != since.ResourceVersion {
		t.Errorf("it was written: version %s became %s, %v", since.ResourceVersion, now.ResourceVersion, now.ManagedFields)
	}
	if was, is := since.ManagedFields[0].Time, now.ManagedFields[0].Time; !was.Equal(is) {
		t.Errorf("it was written at %s, and then at %s", was, is)
	}
}

// Each change in the vault is one write, whoever mounts it; none at all is written while nothing changes.
func TestASecretIsWrittenOncePerChange(t *testing.T) {
	t.Parallel()
	longForm(t)
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	opaque(ns, "class", vault, reader, "made").Apply(t)
	Deployment(t, ns, "web", 2, Mounting("class"))
	state := AwaitSecret(t, ns, "made", Holds("value", "one"))
	for _, value := range []string{"two", "three"} {
		vault.Set(t, "secret1", value)
		var writes int
		if state, writes = becomes(t, ns, value, state); writes != 1 {
			t.Errorf("%d writes until it was %s", writes, value)
		}
		asked(t, vault, 2)
		unwritten(t, ns, state)
	}
	MustBeOurs(t, state)
	statuses, err := objects.Resource(PodStatuses).Namespace(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(statuses.Items) != 2 {
		t.Fatalf("%v, %v", statuses, err)
	}
	asked(t, vault, 3)
	unwritten(t, ns, state)
	for _, before := range statuses.Items {
		after, err := objects.Resource(PodStatuses).Namespace(ns).Get(t.Context(), before.GetName(), metav1.GetOptions{})
		if err != nil || after.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s was written, too (%v)", before.GetName(), err)
		}
	}
}

// A driver that starts anew, or is put where it may write no Secrets and back, costs a Secret neither its owners nor a
// write.
func TestASecretOutlivesTheDriver(t *testing.T) {
	t.Parallel()
	longForm(t)
	InstallAlone(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	opaque(ns, "class", vault, reader, "made").Apply(t)
	Deployment(t, ns, "web", 1, Mounting("class"))
	Deployment(t, ns, "worker", 1, Mounting("class"))
	state := AwaitSecret(t, ns, "made", Owned(2))

	Remove(t, systemNamespace, OnlyPod(t, systemNamespace, "app="+Driver).Name)
	AwaitInstalled(t)
	asked(t, vault, 2)
	unwritten(t, ns, state)
	vault.Set(t, "secret1", "two")
	state, writes := becomes(t, ns, "two", state)
	if writes != 1 || Owned(2)(state) != nil {
		t.Errorf("%d writes, owners %v", writes, state.OwnerReferences)
	}

	Upgrade(t)
	vault.Set(t, "secret1", "three")
	asked(t, vault, 2)
	unwritten(t, ns, state)
	Upgrade(t, Syncing)
	state, writes = becomes(t, ns, "three", state)
	if writes != 1 || Owned(2)(state) != nil {
		t.Errorf("%d writes, owners %v", writes, state.OwnerReferences)
	}
	MustBeOurs(t, state)
	RemoveDeployment(t, ns, "worker")
	AwaitSecret(t, ns, "made", Owned(1))
	RemoveDeployment(t, ns, "web")
	AwaitGone(t, Secrets, ns, "made")
}
