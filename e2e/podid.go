package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"strongroom/e2e/azure"
)

// What the chart calls the parts of pod identity, and the kinds they go by.
const (
	NMI = "aad-pod-identity-nmi"
	MIC = "aad-pod-identity-mic"
	// BoundBy is the label whose value bindings select pods by.
	BoundBy = "aadpodidbinding"
)

var (
	PodIdentities      = podIdentityKind("azureidentities")
	PodBindings        = podIdentityKind("azureidentitybindings")
	AssignedIdentities = podIdentityKind("azureassignedidentities")
	leases             = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

func podIdentityKind(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "aadpodidentity.k8s.io", Version: "v1", Resource: resource}
}

// podIdentityValues are those that all tests of pod identity and of the FlexVolume share. What takes minutes by default takes seconds: until a
// machine is looked at again, until an identity that nobody uses is taken off, until a leader that is gone is succeeded,
// and until a pod that no binding selects is given up.
func podIdentityValues() string {
	return fmt.Sprintf(`podIdentity:
  enabled: true
  adminsecret: {cloud: AzurePublicCloud, subscriptionID: %q, resourceGroup: %s, vmType: vmss, tenantID: %s, clientID: %s, clientSecret: %q}
  mic:
    identityAssignmentReconcileInterval: 3s
    detachDelay: 2s
    leaderElection: {duration: 5s}
    immutableUserMSIs: [%s]
    logVerbosity: 2
  nmi: {retryAttemptsForCreated: 3, ipTableUpdateTimeIntervalInSeconds: 5}
  rbac: {createUserFacingClusterRoles: true}
flexVolume: {enabled: true}
`, azure.SubscriptionID, azure.ResourceGroup, azure.Tenant, azure.ControllerID, azure.ControllerSecret, Azure().Immutable().ClientID)
}

// PodIdentity is Install with pod identity, shared by all tests that need no other values of it.
func PodIdentity(t testing.TB) {
	t.Helper()
	Install(t, podIdentityValues())
	IMDS(t)
	awaitPodIdentity(t)
}

// PodIdentityAlone is InstallAlone with pod identity. Values come on top of the shared ones.
func PodIdentityAlone(t testing.TB, values ...string) {
	t.Helper()
	InstallAlone(t, append([]string{podIdentityValues()}, values...)...)
	IMDS(t)
	awaitPodIdentity(t)
}

func awaitPodIdentity(t testing.TB) {
	t.Helper()
	AwaitDaemonSet(t, systemNamespace, NMI)
	AwaitDeployment(t, systemNamespace, MIC)
}

// NoPodIdentity waits until pods reach the metadata service by themselves: NMI outlives its DaemonSet for a moment.
func NoPodIdentity(t testing.TB) {
	t.Helper()
	AwaitNoPods(t, systemNamespace, "app=nmi")
}

// PodSpace is Namespace for pods with identities: it waits until MIC has taken back what it gave them, for nobody could
// after it is gone.
func PodSpace(t testing.TB) string {
	t.Helper()
	var ns string
	t.Cleanup(func() {
		ctx := within(t, context.WithoutCancel(t.Context()), patience)
		if err := awaitAssignments(ctx, func(a assignment) bool { return a.namespace == ns }, nil); err != nil {
			t.Errorf("assignments of the test stay: %v", err)
		}
	})
	ns = Namespace(t)
	return ns
}

// Bind lets pods with that label value have an identity, by an AzureIdentity and a binding of the identity's name.
func Bind(t testing.TB, namespace string, id azure.Identity, selector string) {
	t.Helper()
	Apply(t, fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: %[1]s, name: %[2]s}, spec: {type: 0, resourceID: %[3]s, clientID: %[4]s}}
---
{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentityBinding, metadata: {namespace: %[1]s, name: %[2]s}, spec: {azureIdentity: %[2]s, selector: %[5]s}}`,
		namespace, id.Name, id.ResourceID, id.ClientID, selector))
}

// Unbind removes a binding, and leaves the identity.
func Unbind(t testing.TB, namespace, name string) {
	t.Helper()
	if err := objects.Resource(PodBindings).Namespace(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// assignment is what of an AzureAssignedIdentity a test looks at.
type assignment struct{ namespace, pod, identity, clientID, state string }

func readAssignment(u unstructured.Unstructured) assignment {
	field := func(path ...string) string {
		value, _, _ := unstructured.NestedString(u.Object, path...) // a missing one is empty
		return value
	}
	return assignment{
		namespace: field("spec", "podNamespace"), pod: field("spec", "pod"), state: field("status", "status"),
		identity: field("spec", "azureIdentityRef", "metadata", "name"), clientID: field("spec", "azureIdentityRef", "spec", "clientID"),
	}
}

// AwaitAssigned waits until a pod has these identities of MIC, by the names of their AzureIdentities, and no others: none
// at all when none is named.
func AwaitAssigned(t testing.TB, namespace, pod string, identities ...string) {
	t.Helper()
	of := func(a assignment) bool { return a.namespace == namespace && a.pod == pod }
	if err := awaitAssignments(Within(t, patience), of, identities); err != nil {
		t.Fatalf("assignments of %s: %v", pod, err)
	}
}

func awaitAssignments(ctx context.Context, of func(assignment) bool, want []string) error {
	want = slices.Sorted(slices.Values(want))
	return follow(ctx, AssignedIdentities, "", metav1.ListOptions{}, func(list []unstructured.Unstructured) error {
		var got, states []string
		for _, u := range list {
			a := readAssignment(u)
			if !of(a) {
				continue
			}
			states = append(states, a.identity+" "+a.state)
			if a.state == "Assigned" && u.GetDeletionTimestamp() == nil {
				got = append(got, a.identity)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || len(states) != len(want) {
			return fmt.Errorf("there are %q, and %q are wanted", states, want)
		}
		return nil
	})
}

// AwaitMachine waits until the node's scale set is as wanted. It announces nothing.
func AwaitMachine(t testing.TB, what string, wanted func(azure.Machine) bool) {
	t.Helper()
	Eventually(t, what, func() error {
		if m := Azure().Machine(t); !wanted(m) {
			return fmt.Errorf("it has %v", m.Identities)
		}
		return nil
	})
}

// Leader is the replica of MIC that works.
func Leader(t testing.TB) string {
	t.Helper()
	var holder string
	Await(t, leases, systemNamespace, MIC, func(l *unstructured.Unstructured) error {
		holder, _, _ = unstructured.NestedString(l.Object, "spec", "holderIdentity")
		holder, _, _ = strings.Cut(holder, "_") // a suffix tells a process from its predecessor
		for _, p := range PodsOf(t, systemNamespace, "app=mic") {
			if p.Name == holder {
				return nil
			}
		}
		return errors.New("nobody that runs holds the lease, but " + holder)
	})
	return holder
}

// podIdentityRules lists the node's rules that lead to NMI: the jumps to its chain, and the chain itself.
func podIdentityRules(t testing.TB) (jumps, chain []string) {
	t.Helper()
	return podIdentityRulesOf(t, "iptables")
}

// podIdentityRulesOf is podIdentityRules of iptables or ip6tables.
func podIdentityRulesOf(t testing.TB, program string) (jumps, chain []string) {
	t.Helper()
	out, err := exec.CommandContext(Within(t, patience), program, "-w", "10", "-t", "nat", "-S").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasSuffix(line, "-j aad-metadata"):
			jumps = append(jumps, line)
		case strings.HasPrefix(line, "-A aad-metadata "), line == "-N aad-metadata":
			chain = append(chain, line)
		}
	}
	return jumps, chain
}
