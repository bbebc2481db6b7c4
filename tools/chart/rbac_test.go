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
ClusterRole secretproviderclasses-role: list,watch /pods
ClusterRole secretproviderclasses-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole secretproviderclasses-viewer-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
ClusterRole secretproviderclasspodstatuses-viewer-role: get,list,watch secrets-store.csi.x-k8s.io/secretproviderclasspodstatuses
ClusterRole strongroom-controller-role: create,patch /events
ClusterRole strongroom-controller-role: list,watch secrets-store.csi.x-k8s.io/secretproviderclasses
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
ClusterRole secretprovidersyncing-role: get /pods
ClusterRoleBinding secretprovidersyncing-rolebinding: secretprovidersyncing-role to kube-system/secrets-store-csi-driver
`
	withTaint = `
ClusterRole strongroom-controller-role: get,list,patch,watch /nodes
ClusterRole strongroom-controller-role: list,watch storage.k8s.io/csinodes
`
	crdsOfClasses = `[secretproviderclasses.secrets-store.csi.x-k8s.io secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io]`
	crdsOfBoth    = `[secretproviderclasses.secrets-store.csi.x-k8s.io secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io azureidentities.aadpodidentity.k8s.io azureidentitybindings.aadpodidentity.k8s.io azureassignedidentities.aadpodidentity.k8s.io azurepodidentityexceptions.aadpodidentity.k8s.io]`

	withNMI = `
ClusterRole aad-pod-id-nmi-role: list,watch /pods
ClusterRole aad-pod-id-nmi-role: list,watch aadpodidentity.k8s.io/azureidentities
ClusterRole aad-pod-id-nmi-role: list,watch aadpodidentity.k8s.io/azureidentitybindings
ClusterRole aad-pod-id-nmi-role: list,watch aadpodidentity.k8s.io/azurepodidentityexceptions
ClusterRoleBinding aad-pod-id-nmi-binding: aad-pod-id-nmi-role to kube-system/aad-pod-id-nmi-service-account
Role aad-pod-id-nmi-role: get,list,watch apps/daemonsets [aad-pod-identity-nmi]
RoleBinding aad-pod-id-nmi-binding: aad-pod-id-nmi-role to kube-system/aad-pod-id-nmi-service-account
`
	withPrincipals = `
ClusterRole aad-pod-id-nmi-role: get /secrets
`
	withMIC = `
ClusterRole aad-pod-id-nmi-role: list,watch aadpodidentity.k8s.io/azureassignedidentities
ClusterRole aad-pod-id-mic-role: list,watch /pods
ClusterRole aad-pod-id-mic-role: list,watch /nodes
ClusterRole aad-pod-id-mic-role: patch /pods/status
ClusterRole aad-pod-id-mic-role: create,patch /events
ClusterRole aad-pod-id-mic-role: list,patch,watch aadpodidentity.k8s.io/azureidentities
ClusterRole aad-pod-id-mic-role: list,watch aadpodidentity.k8s.io/azureidentitybindings
ClusterRole aad-pod-id-mic-role: create,delete,get,list,patch,update,watch aadpodidentity.k8s.io/azureassignedidentities
ClusterRoleBinding aad-pod-id-mic-binding: aad-pod-id-mic-role to kube-system/aad-pod-id-mic-service-account
Role aad-pod-id-mic-role: create coordination.k8s.io/leases
Role aad-pod-id-mic-role: get,update coordination.k8s.io/leases [aad-pod-identity-mic]
Role aad-pod-id-mic-role: create /configmaps
Role aad-pod-id-mic-role: get,update /configmaps [strongroom-mic]
RoleBinding aad-pod-id-mic-binding: aad-pod-id-mic-role to kube-system/aad-pod-id-mic-service-account
` + withRelease
	withRelease = `
ClusterRole strongroom-mic-release: delete,get,list,patch aadpodidentity.k8s.io/azureassignedidentities
ClusterRoleBinding strongroom-mic-release: strongroom-mic-release to kube-system/strongroom-mic-release
`
	withUsers = `
ClusterRole aad-pod-identity-view-role: get,list,watch aadpodidentity.k8s.io/azureidentities
ClusterRole aad-pod-identity-view-role: get,list,watch aadpodidentity.k8s.io/azureidentitybindings
ClusterRole aad-pod-identity-view-role: get,list,watch aadpodidentity.k8s.io/azureassignedidentities
ClusterRole aad-pod-identity-view-role: get,list,watch aadpodidentity.k8s.io/azurepodidentityexceptions
ClusterRole aad-pod-identity-edit-role: create,delete,patch,update aadpodidentity.k8s.io/azureidentities
ClusterRole aad-pod-identity-edit-role: create,delete,patch,update aadpodidentity.k8s.io/azureidentitybindings
`
	withNMITaint = `
ClusterRole strongroom-controller-role: get,list,patch,watch /nodes
Role strongroom-controller-role: list,watch /pods
`
)

// alone are the permissions of the CRD hook where only pod identity's are applied.
func alone(text string) string {
	return strings.Replace(hookOnly(text), crdsOfClasses, strings.Replace(crdsOfBoth, strings.Trim(crdsOfClasses, "[]")+" ", "", 1), 1)
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	both := strings.Replace(always, crdsOfClasses, crdsOfBoth, 1)
	for values, want := range map[string]string{
		``:                                always,
		`{syncSecret: {enabled: true}}`:   always + withSync,
		`{startupTaint: {enabled: true}}`: always + withTaint,
		`{rbac: {install: false}}`:        hookOnly(always),
		`{secrets-store-csi-driver: {syncSecret: {enabled: true}}}`: always + withSync,
		`{secrets-store-csi-driver: {install: false}}`:              "",
		`{flexVolume: {enabled: true}}`:                             always,

		`{podIdentity: {enabled: true}}`:                                                        both + withNMI + withPrincipals + withMIC,
		`{podIdentity: {enabled: true, rbac: {allowAccessToSecrets: false}}}`:                   both + withNMI + withMIC,
		`{podIdentity: {enabled: true, operationMode: managed}}`:                                both + withNMI + withPrincipals,
		`{podIdentity: {enabled: true, startupTaint: {enabled: true}}}`:                         both + withNMI + withPrincipals + withMIC + withNMITaint,
		`{podIdentity: {enabled: true, rbac: {createUserFacingClusterRoles: true}}}`:            both + withNMI + withPrincipals + withMIC + withUsers,
		`{podIdentity: {enabled: true, rbac: {enabled: false}}}`:                                both + withRelease,
		`{rbac: {install: false}, podIdentity: {enabled: true}}`:                                hookOnly(both) + withRelease,
		`{linux: {enabled: false}, controller: {enabled: false}, podIdentity: {enabled: true}}`: alone(always) + withNMI + withPrincipals + withMIC,
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
				for _, resource := range rule.Resources {
					line := fmt.Sprintf("%s %s: %s %s/%s", o.Kind(), o.Name(), strings.Join(rule.Verbs, ","), rule.APIGroups[0], resource)
					if len(rule.ResourceNames) > 0 {
						line += fmt.Sprint(" ", rule.ResourceNames)
					}
					if len(rule.APIGroups) != 1 || len(rule.NonResourceURLs) != 0 {
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

// Who may edit identities without more: where a binding reaches pods of every namespace, not everybody who may edit one.
func TestWhoEditsIdentities(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]bool{
		`{podIdentity: {enabled: true, rbac: {createUserFacingClusterRoles: true}}}`:                          false,
		`{podIdentity: {enabled: true, forceNamespaced: "true", rbac: {createUserFacingClusterRoles: true}}}`: true,
		`{podIdentity: {enabled: true, operationMode: managed, rbac: {createUserFacingClusterRoles: true}}}`:  true,
	} {
		for _, o := range render(t, inKubeSystem, values).Objects {
			if o.Kind() == "ClusterRole" && o.Name() == "aad-pod-identity-edit-role" {
				labels := decoded[rbacv1.ClusterRole](t, o).Labels
				if got := labels["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"; got != want || labels["rbac.authorization.k8s.io/aggregate-to-admin"] != "true" {
					t.Errorf("%s: %v", values, labels)
				}
			}
		}
	}
}
