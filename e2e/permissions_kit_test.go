package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// grant is one verb on one resource that a role of the chart gives: role is its kind and name, resource "group/plural".
type grant struct{ role, resource, verb string }

func (g grant) String() string { return g.role + ": " + g.verb + " " + g.resource }

// component is who has roles: its account, and the pods whose logs tell what it lacks.
type component struct{ account, pods string }

var components = map[string]component{
	"secretproviderclasses-role": {Driver, "app=" + Driver},
	"secretprovidersyncing-role": {Driver, "app=" + Driver},
	"strongroom-controller-role": {Controller, "app=" + Controller},
	"aad-pod-id-mic-role":        {"aad-pod-id-mic-service-account", "app=mic"},
	"aad-pod-id-nmi-role":        {"aad-pod-id-nmi-service-account", "app=nmi"},
}

// holder is the component that has a grant.
func (g grant) holder(t *testing.T) component {
	t.Helper()
	_, name, _ := strings.Cut(g.role, " ")
	c, known := components[name]
	if !known {
		t.Fatalf("nobody has role %s", g.role)
	}
	return c
}

// refusalOf is what the API server says of a grant that is missing, without what quotes become in a log.
func (g grant) refusalOf(account string) string {
	group, resource, _ := strings.Cut(g.resource, "/")
	return fmt.Sprintf("system:serviceaccount:%s:%s cannot %s resource %s in API group %s", systemNamespace, account, g.verb, resource, group)
}

// unquoted takes quotes and what escapes them out of a log.
func unquoted(text string) string { return strings.NewReplacer(`\`, "", `"`, "").Replace(text) }

// rolesOf reads the roles of a rendered chart, by kind and name.
func rolesOf(t *testing.T, values ...string) map[string][]rbacv1.PolicyRule {
	t.Helper()
	arguments := append([]string{"template", release, chart, "--namespace", systemNamespace, "--kube-version", cluster.Version + ".0"}, valueFiles(t, values)...)
	text, err := output(exec.CommandContext(Within(t, patience), cluster.Asset("helm"), arguments...))
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string][]rbacv1.PolicyRule{}
	for _, document := range strings.Split(text, "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		if role.Kind == "ClusterRole" || role.Kind == "Role" {
			roles[role.Kind+" "+role.Name] = role.Rules
		}
	}
	return roles
}

// grantsOf are all verbs of a role's rules.
func grantsOf(role string, rules []rbacv1.PolicyRule) (list []grant) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					list = append(list, grant{role, group + "/" + resource, verb})
				}
			}
		}
	}
	return list
}

// lessOf are rules with one verb on one resource less, and each resource in a rule of its own.
func lessOf(rules []rbacv1.PolicyRule, taken ...grant) (left []rbacv1.PolicyRule) {
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			one := *rule.DeepCopy()
			one.Resources = []string{resource}
			one.Verbs = slices.DeleteFunc(one.Verbs, func(verb string) bool {
				return slices.ContainsFunc(taken, func(g grant) bool { return g.verb == verb && g.resource == rule.APIGroups[0]+"/"+resource })
			})
			if len(one.Verbs) > 0 {
				left = append(left, one)
			}
		}
	}
	return left
}

// setRules gives a role of the installation other rules.
func setRules(t *testing.T, role string, rules []rbacv1.PolicyRule) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	kind, name, _ := strings.Cut(role, " ")
	rbac := cluster.Client.RbacV1()
	var err error
	if kind == "ClusterRole" {
		var r *rbacv1.ClusterRole
		if r, err = rbac.ClusterRoles().Get(ctx, name, metav1.GetOptions{}); err == nil {
			r.Rules = rules
			_, err = rbac.ClusterRoles().Update(ctx, r, metav1.UpdateOptions{})
		}
	} else {
		var r *rbacv1.Role
		if r, err = rbac.Roles(systemNamespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
			r.Rules = rules
			_, err = rbac.Roles(systemNamespace).Update(ctx, r, metav1.UpdateOptions{})
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", role, err)
	}
}

// awaitMay waits until the API server acts upon a change of a role.
func awaitMay(t *testing.T, g grant, account string, names []string, may bool) {
	t.Helper()
	group, resource, _ := strings.Cut(g.resource, "/")
	plural, sub, _ := strings.Cut(resource, "/")
	about := &authorizationv1.ResourceAttributes{Verb: g.verb, Group: group, Resource: plural, Subresource: sub}
	if strings.HasPrefix(g.role, "Role ") {
		about.Namespace = systemNamespace
	}
	if len(names) > 0 {
		about.Name = names[0]
	}
	Eventually(t, g.String(), func() error {
		review, err := cluster.Client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + systemNamespace + ":" + account, ResourceAttributes: about,
		}}, metav1.CreateOptions{})
		if err == nil && review.Status.Allowed != may {
			err = fmt.Errorf("allowed is %v: %s", review.Status.Allowed, review.Status.Reason)
		}
		return err
	})
}

// heard is all that a component's containers have written, those that ended among them, and every event there is.
func heard(t *testing.T, c component) string {
	t.Helper()
	var all strings.Builder
	for _, p := range PodsOf(t, systemNamespace, c.pods) {
		before, now := Written(t, p)
		all.WriteString(before + now)
	}
	list, err := cluster.Client.CoreV1().Events("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Items {
		all.WriteString(e.Message + "\n")
	}
	return unquoted(all.String())
}

// restart ends a component in good order, so that it gives back what it holds, and waits until its container runs again.
func restart(t *testing.T, c component) {
	t.Helper()
	pod := OnlyPod(t, systemNamespace, c.pods)
	before := identifier(&pod)
	_, process, err := running(t, systemNamespace, c.pods)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(process, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	Await(t, Pods, systemNamespace, pod.Name, func(p *corev1.Pod) error {
		if identifier(p) == before || first(p).State.Running == nil {
			return fmt.Errorf("the container has not been started anew: %+v", first(p).State)
		}
		return nil
	})
}
