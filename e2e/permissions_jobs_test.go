package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"strongroom/api/aadpodidentity"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// Promised: the Jobs that come before an installation and after a removal need each of their permissions, and say at once
// which one they lack.
func TestEveryPermissionOfTheJobsIsNeeded(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	ns := Namespace(t)
	roles := rolesOf(t, podIdentityValues(), everyPermission)
	const crds, release = "strongroom-crds", "strongroom-mic-release"
	if said, err := runAs(t, ns, "crds-whole", jobOf(t, crds), roles["ClusterRole "+crds]); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for job, prepare := range map[string]func(t *testing.T, lost string) (done func()){
		crds: func(t *testing.T, lost string) func() {
			if lost == "create" { // nobody has objects of this kind here
				if err := objects.Resource(definitions).Delete(t.Context(), "azurepodidentityexceptions.aadpodidentity.k8s.io", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			return func() {}
		},
		release: func(t *testing.T, lost string) func() { return forsaken(t, ns, lost) },
	} {
		role := "ClusterRole " + job
		for _, g := range grantsOf(role, roles[role]) {
			t.Log(g)
			done := prepare(t, g.verb)
			name := job + "-" + g.verb
			said, err := runAs(t, ns, name, jobOf(t, job), lessOf(roles[role], g))
			done()
			want := strings.Replace(g.refusalOf(name), systemNamespace, ns, 1)
			if err == nil || !strings.Contains(unquoted(said), want) {
				t.Errorf("without %s: %v, and it says %s, not %q", g, err, said, want)
			}
		}
		if said, err := runAs(t, ns, job+"-whole", jobOf(t, job), roles[role]); err != nil {
			t.Errorf("%v: %s", err, said)
		}
	}
	left, err := objects.Resource(AssignedIdentities).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("%d assignments are left, %v", len(left.Items), err)
	}
}

// forsaken makes assigned identities that no MIC will ever take back. Where the job is not to read, somebody else writes to
// them all the time.
func forsaken(t *testing.T, ns, lost string) (done func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("%s-%d", lost, i)
		Apply(t, fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: %s, name: %s, finalizers: [%q]},
 spec: {pod: web, podNamespace: %[1]s, nodename: node1}}`, ns, name, aadpodidentity.Finalizer))
		if lost != "get" {
			continue
		}
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				patch := fmt.Sprintf(`{"metadata":{"annotations":{"e2e":"%d"}}}`, n)
				_, _ = objects.Resource(AssignedIdentities).Namespace(ns).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}) // it may be gone
			}
		})
	}
	return func() {
		stop()
		writers.Wait()
	}
}

// jobOf is the pod of a Job of the chart.
func jobOf(t *testing.T, name string) corev1.PodSpec {
	t.Helper()
	arguments := append([]string{"template", release, chart, "--namespace", systemNamespace, "--kube-version", cluster.Version + ".0"}, valueFiles(t, []string{podIdentityValues(), everyPermission})...)
	text, err := output(exec.CommandContext(Within(t, patience), cluster.Asset("helm"), arguments...))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range strings.Split(text, "\n---\n") {
		var job batchv1.Job
		if err := yaml.Unmarshal([]byte(document), &job); err != nil {
			t.Fatal(err)
		}
		if job.Kind == "Job" && job.Name == name {
			return job.Spec.Template.Spec
		}
	}
	t.Fatalf("the chart has no Job %s", name)
	return corev1.PodSpec{}
}

// runAs runs a pod once with an account of its own that has these rules, and gives what it wrote. It is an error that it
// failed.
func runAs(t *testing.T, ns, name string, spec corev1.PodSpec, rules []rbacv1.PolicyRule) (said string, failed error) {
	t.Helper()
	Account(t, ns, name)
	role, err := yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	unique := ns + "-" + name
	Apply(t, fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %[1]s}\nrules:\n%[2]s---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: %[1]s}\n"+
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}\nsubjects: [{kind: ServiceAccount, name: %[3]s, namespace: %[4]s}]\n", unique, role, name, ns))
	spec.ServiceAccountName = name
	Create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: spec})
	done := Await(t, Pods, ns, name, func(p *corev1.Pod) error {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("it is %s", p.Status.Phase)
		}
		return nil
	})
	if done.Status.Phase == corev1.PodFailed {
		failed = errors.New("it failed")
	}
	return Logs(t, ns, name), failed
}
