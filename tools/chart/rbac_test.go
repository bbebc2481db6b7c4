package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"strongroom/tools/chart"
)

// Everything our accounts may do, verb by verb; docs/security.md has the reason for each. A test that fails here is a
// question: does the new line belong there, too?
const (
	always = `
ClusterRole secretproviderclasses-admin-role: create,delete,get,list,patch,update,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole secretproviderclasses-role: create,list,patch secrets-store.csi.x-k8s.io/secretproviderclasspodstatuses
ClusterRole secretproviderclasses-role: create,patch /events
ClusterRole secretproviderclasses-role: get storage.k8s.io/csidrivers [secrets-store.csi.k8s.io]
ClusterRole secretproviderclasses-role: get,list,watch /pods
ClusterRole secretproviderclasses-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole secretproviderclasses-viewer-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole secretproviderclasspodstatuses-viewer-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasspodstatuses
ClusterRole strongroom-controller-role: create,patch /events
ClusterRole strongroom-controller-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole strongroom-controller-role: patch secrets-store.csi.x-k8s.io/secretproviderclasses/status
ClusterRole strongroom-crds: create,get,patch apiextensions.k8s.io/customresourcedefinitions [secretproviderclasses.secrets-store.csi.x-k8s.io secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io]
ClusterRoleBinding secretproviderclasses-rolebinding: secretproviderclasses-role to kube-system/secrets-store-csi-driver
ClusterRoleBinding strongroom-controller-rolebinding: strongroom-controller-role to kube-system/strongroom-controller
ClusterRoleBinding strongroom-crds: strongroom-crds to kube-system/strongroom-crds
Role strongroom-controller-role: create coordination.k8s.io/leases
Role strongroom-controller-role: get,update coordination.k8s.io/leases [strongroom-controller]
RoleBinding strongroom-controller-rolebinding: strongroom-controller-role to kube-system/strongroom-controller
`
	withSync = `
ClusterRole secretprovidersyncing-role: create,get,list,patch,watch /secrets
ClusterRoleBinding secretprovidersyncing-rolebinding: secretprovidersyncing-role to kube-system/secrets-store-csi-driver
`
	withTaint = `
ClusterRole strongroom-controller-role: get,list,patch,watch /nodes
ClusterRole strongroom-controller-role: list,watch storage.k8s.io/csinodes
`
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		``:                                always,
		`{syncSecret: {enabled: true}}`:   always + withSync,
		`{startupTaint: {enabled: true}}`: always + withTaint,
		`{rbac: {install: false}}`:        hookOnly(always),
		`{secrets-store-csi-driver: {syncSecret: {enabled: true}}}`: always + withSync,
		`{secrets-store-csi-driver: {install: false}}`:              "",
	} {
		got := permissions(t, render(t, inKubeSystem, values))
		if want := lines(want); !slices.Equal(got, want) {
			t.Errorf("with %s our accounts may\n%s\nand not\n%s", values, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// hookOnly are the lines of the CRD hook, without which nothing could be installed.
func hookOnly(text string) string {
	var kept []string
	for _, line := range lines(text) {
		if strings.Contains(line, "strongroom-crds") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func lines(text string) []string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	all = slices.DeleteFunc(all, func(line string) bool { return strings.TrimSpace(line) == "" })
	slices.Sort(all)
	return all
}

func permissions(t *testing.T, out chart.Rendered) (all []string) {
	t.Helper()
	for _, o := range append(out.Objects, out.Hooks...) {
		switch o.Kind() {
		case "ClusterRole", "Role":
			for _, rule := range decoded[rbacv1.ClusterRole](t, o).Rules {
				slices.Sort(rule.Verbs)
				for i, resource := range rule.Resources {
					line := fmt.Sprintf("%s %s: %s %s/%s", o.Kind(), o.Name(), strings.Join(rule.Verbs, ","), rule.APIGroups[0], resource)
					if len(rule.ResourceNames) > 0 {
						line += fmt.Sprint(" ", rule.ResourceNames)
					}
					if len(rule.APIGroups) != 1 || len(rule.NonResourceURLs) != 0 || i > 0 {
						line += " AND MORE"
					}
					all = append(all, line)
				}
			}
		case "ClusterRoleBinding", "RoleBinding":
			binding := decoded[rbacv1.ClusterRoleBinding](t, o)
			for _, subject := range binding.Subjects {
				all = append(all, fmt.Sprintf("%s %s: %s to %s/%s", o.Kind(), o.Name(), binding.RoleRef.Name, subject.Namespace, subject.Name))
			}
		}
	}
	slices.Sort(all)
	return all
}
