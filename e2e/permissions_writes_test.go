package e2e

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

func (l *lacking) mountTurned() {
	l.mount("turned")
	l.mounted("turned")
	AwaitSecret(l.t, l.ns, "turned", Holds("value", fmt.Sprintf("turn %d", l.turns)))
}

func (l *lacking) needCreates() {
	l.turn() // which is told of pod turned
	l.mount("unmade")
	Create(l.t, Pod(l.ns, "unassigned", Labelled(BoundBy, l.ns)))
}

func (l *lacking) created() {
	AwaitPodStatus(l.t, l.mounted("unmade"), "unmade", func(*PodStatus) error { return nil })
	AwaitAssigned(l.t, l.ns, "unassigned", l.id.Name)
	l.mount("made-again") // what was refused waits longer than a test does: see last
	AwaitSecret(l.t, l.ns, "made-again", Present)
}

func (l *lacking) judgeOne() {
	l.judge("secret1")
	AwaitAccepted(l.t, l.ns, "judged", "True", "Accepted")
	AwaitEvent(l.t, l.ns, "judged", "Accepted")
}

// judge makes the class judged name one secret, or none, which is refused.
func (l *lacking) judge(secrets ...string) {
	class := WorkloadClass(l.ns, "judged", l.vault, l.reader, secrets...)
	if len(secrets) == 0 {
		class = class.With("objects", "array: [\"objectName: x\\nobjectType: nonsense\"]")
	}
	class.Apply(l.t)
}

func (l *lacking) needPatches() {
	l.turn()
	l.judge()
	l.taint()
	l.bindAnother("waiting")
	// One that Azure refuses keeps its pod waiting, which is told in the pod's status.
	absent := azure.Identity{Name: "absent", ClientID: "7f3d2a5e-0000-4000-8000-000000000002", ResourceID: azure.ResourceID(azure.Unique("absent"))}
	Bind(l.t, l.ns, absent, l.ns+"-refused")
	Create(l.t, Pod(l.ns, "refused", Labelled(BoundBy, l.ns+"-refused")))
}

func (l *lacking) patched() {
	l.assigned("waiting")
	l.untainted()
	Await(l.t, Pods, l.ns, "refused", func(p *corev1.Pod) error {
		for _, c := range p.Status.Conditions {
			if strings.Contains(string(c.Type), "aadpodidentity") {
				return nil
			}
		}
		return fmt.Errorf("its conditions are %v", p.Status.Conditions)
	})
	Remove(l.t, l.ns, "refused")
	AwaitAccepted(l.t, l.ns, "judged", "False", "Invalid")
	AwaitEvent(l.t, l.ns, "judged", "Rejected")
}

func (l *lacking) tellOnce() {
	l.turn()
	AwaitEvent(l.t, l.ns, "turned", "MountRotationComplete", "secret1")
	l.judge("secret1")
	AwaitAccepted(l.t, l.ns, "judged", "True", "Accepted")
	l.bindAnother("told")
	l.assigned("told")
	AwaitEvent(l.t, l.ns, l.others["told"].Name, "binding applied", "told")
}

func (l *lacking) tellAgain() {
	l.turn()
	l.judge()
	Remove(l.t, l.ns, "told")
	AwaitAssigned(l.t, l.ns, "told")
	Create(l.t, Pod(l.ns, "told", Labelled(BoundBy, l.ns+"-told")))
	l.assigned("told")
}

func (l *lacking) counted() {
	l.turn()
	Eventually(l.t, "a count on an event", func() error {
		for _, e := range Events(l.t, l.ns, "turned") {
			if e.Reason == "MountRotationComplete" && e.Count > 1 {
				return nil
			}
		}
		return fmt.Errorf("there is none")
	})
}

func (l *lacking) needUpdates() {
	other := l.id
	other.ClientID = azure.ControllerID
	Bind(l.t, l.ns, other, l.ns)
	l.bindAnother("unnoted")
	if err := cluster.Client.CoreV1().Pods(l.ns).Delete(l.t.Context(), "leaving", atOnce()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lacking) updated() {
	Bind(l.t, l.ns, l.id, l.ns)
	l.assigned("unnoted")
	AwaitAssigned(l.t, l.ns, "leaving")
	AwaitToken(l.t, l.ns, "bound", "&bypass_cache=true", l.id.ObjectID)
}

// last sees that what was refused has come about as well. A Secret that was forbidden is tried again after five minutes,
// as a test with a clock of its own shows, or by a driver that begins anew, as here.
func (l *lacking) last() {
	restart(l.t, components["secretprovidersyncing-role"])
	for _, name := range []string{"listless", "unread", "unmade"} {
		AwaitSecret(l.t, l.ns, name, Present)
	}
	AwaitSecret(l.t, l.ns, "turned", Holds("value", fmt.Sprintf("turn %d", l.turns)))
}

// atOnce deletes without waiting for a process to end.
func atOnce() metav1.DeleteOptions {
	none := int64(0)
	return metav1.DeleteOptions{GracePeriodSeconds: &none}
}
