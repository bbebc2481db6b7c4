package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// driverTaint is taken off by the controller, and keeps nobody away here.
const driverTaint = "secrets-store.csi.k8s.io/agent-not-ready"

// lacking is a namespace in which something needs each permission.
type lacking struct {
	t         *testing.T
	ns        string
	reader    azure.Identity // of volumes
	vault     azure.Vault
	id        azure.Identity // of pods with the label bound
	others    map[string]azure.Identity
	principal azure.Identity
	turns     int
	answers   strings.Builder // what pods were told by NMI
}

func newLacking(t *testing.T) *lacking {
	t.Helper()
	l := &lacking{t: t, ns: PodSpace(t), others: map[string]azure.Identity{}}
	l.reader, l.id, l.principal = Azure().Managed(t, l.ns+"/default"), Azure().Managed(t), Azure().Application(t)
	l.vault = Azure().Vault(t, l.reader)
	l.vault.Set(t, "secret1", "turn 0")
	Bind(t, l.ns, l.id, l.ns)
	l.bound("bound")
	AwaitToken(t, l.ns, "bound", "", l.id.ObjectID)
	t.Cleanup(func() { _, _ = TryKubectl(t, "", "taint", "node", node.Name, driverTaint+"-") }) // gone already is as good
	return l
}

// mount makes a class with a Secret of its name, and a pod that mounts it.
func (l *lacking) mount(name string) {
	l.t.Helper()
	opaque(l.ns, name, l.vault, l.reader, name).Apply(l.t)
	Create(l.t, Pod(l.ns, name, Mounting(name)))
}

func (l *lacking) mounted(name string) *corev1.Pod {
	l.t.Helper()
	return AwaitReady(l.t, l.ns, name)
}

// bound runs a pod that has the identity, and waits until it is assigned.
func (l *lacking) bound(name string) {
	l.t.Helper()
	Run(l.t, Pod(l.ns, name, Of(CurlImage), Labelled(BoundBy, l.ns)))
	AwaitAssigned(l.t, l.ns, name, l.id.Name)
}

// bindAnother makes an identity that no machine has yet, and a pod that is to have it.
func (l *lacking) bindAnother(name string) {
	l.t.Helper()
	l.others[name] = Azure().Managed(l.t)
	Bind(l.t, l.ns, l.others[name], l.ns+"-"+name)
	Create(l.t, Pod(l.ns, name, Labelled(BoundBy, l.ns+"-"+name)))
}

func (l *lacking) assigned(name string) {
	l.t.Helper()
	AwaitAssigned(l.t, l.ns, name, l.others[name].Name)
}

// turn changes the secret.
func (l *lacking) turn() {
	l.t.Helper()
	l.turns++
	l.vault.Set(l.t, "secret1", fmt.Sprintf("turn %d", l.turns))
}

func (l *lacking) remove(kind schema.GroupVersionResource, name string) {
	l.t.Helper()
	if err := objects.Resource(kind).Namespace(systemNamespace).Delete(l.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lacking) taint() {
	l.t.Helper()
	Kubectl(l.t, "taint", "node", node.Name, "--overwrite", driverTaint+":PreferNoSchedule")
}

func (l *lacking) untainted() {
	l.t.Helper()
	Await(l.t, Nodes, "", node.Name, func(n *corev1.Node) error {
		if slices.ContainsFunc(n.Spec.Taints, func(one corev1.Taint) bool { return one.Key == driverTaint }) {
			return errors.New("it has the taint")
		}
		return nil
	})
}

// led sees that both leaders work.
func (l *lacking) led() {
	l.t.Helper()
	name := azure.Unique("led")
	WorkloadClass(l.ns, name, l.vault, l.reader, "secret1").Apply(l.t)
	AwaitAccepted(l.t, l.ns, name, "True", "Accepted")
	l.bound(name)
}

// bindForGets makes what the round of reads needs.
func (l *lacking) bindForGets() {
	t := l.t
	Apply(t, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {namespace: %[1]s, name: principal}, stringData: {clientSecret: %[2]q}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: %[1]s, name: principal},
 spec: {type: 1, tenantID: %[3]s, clientID: %[4]s, clientPassword: {name: principal, namespace: %[1]s}}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentityBinding, metadata: {namespace: %[1]s, name: principal}, spec: {azureIdentity: principal, selector: %[1]s-principal}}
`, l.ns, l.principal.Secret, azure.Tenant, l.principal.ClientID))
	Run(t, Pod(l.ns, "principal", Of(CurlImage), Labelled(BoundBy, l.ns+"-principal")))
	AwaitAssigned(t, l.ns, "principal", "principal")
	id := Azure().Managed(t) // of their own, for what happens to one object too often is told ever more rarely
	Bind(t, l.ns, id, l.ns+"-disputed")
	for n := range disputes {
		pod := fmt.Sprint("disputed-", n)
		Run(t, Pod(l.ns, pod, Of(CurlImage), Labelled(BoundBy, l.ns+"-disputed")))
		AwaitAssigned(t, l.ns, pod, id.Name)
	}
}

func (l *lacking) needGets() {
	t := l.t
	Create(t, Pod(l.ns, "classless", Mounting("classless")))
	l.mount("unread")
	l.taint()
	Eventually(t, "the lack of a Secret", func() error {
		answer := AskMetadata(t, l.ns, "principal", tokenPath+"&bypass_cache=true")
		l.answers.WriteString(answer.body)
		if !strings.Contains(unquoted(answer.body), "cannot get resource secrets") {
			return errors.New(answer.String())
		}
		return nil
	})
	l.dispute()
	restart(t, components["aad-pod-id-nmi-role"])
}

func (l *lacking) gotBack() {
	t := l.t
	WorkloadClass(l.ns, "classless", l.vault, l.reader, "secret1").Apply(t)
	l.mounted("classless")
	l.mounted("unread")
	l.untainted()
	for n := range disputes {
		pod := fmt.Sprint("disputed-", n)
		if err := cluster.Client.CoreV1().Pods(l.ns).Delete(t.Context(), pod, atOnce()); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
		AwaitAssigned(t, l.ns, pod)
	}
	Eventually(t, "a token of the service principal", func() error {
		c, err := tokenOf(AskMetadata(t, l.ns, "principal", tokenPath+"&bypass_cache=true"))
		if err == nil && c.ClientID != l.principal.ClientID {
			t.Fatalf("the token is of %s", c.ClientID)
		}
		return err
	})
}
