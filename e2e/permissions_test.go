package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// everyPermission are values with which the chart gives all roles that it knows.
const everyPermission = `syncSecret: {enabled: true}
startupTaint: {enabled: true}
podIdentity:
  startupTaint: {enabled: true}
  rbac: {allowAccessToSecrets: true, createUserFacingClusterRoles: true}
  mic: {replicas: 1}
`

// elsewhere are roles that are tried by other tests: those of Jobs, which run with an account made for them, and those of people.
var elsewhere = map[string]bool{
	"ClusterRole strongroom-crds": true, "ClusterRole strongroom-mic-release": true,
	"ClusterRole secretproviderclasses-admin-role": true, "ClusterRole secretproviderclasses-viewer-role": true,
	"ClusterRole secretproviderclasspodstatuses-viewer-role": true,
	"ClusterRole aad-pod-identity-view-role":                 true, "ClusterRole aad-pod-identity-edit-role": true,
}

// round takes some grants away, and sees that each is missed and says so, and that all is well when it is back.
type round struct {
	name  string
	taken []grant
	// begins is done before anything is taken away; may be nil.
	begins func(*lacking)
	// restarts are the roles' holders that only notice at their start.
	restarts []component
	// needs does what needs the grants; may be nil.
	needs func(*lacking)
	// mended sees that what failed works again; may be nil for watches, which say so themselves.
	mended func(*lacking)
}

// Promised: our programs have every permission that they are given because they need it. Each verb of each rule is taken
// away, and then something fails by a line in the log or an event that names it; given back, it mends itself, without a
// restart.
func TestEveryPermissionIsNeededAndItsLackIsNamed(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentityAlone(t, everyPermission)
	roles := rolesOf(t, podIdentityValues(), everyPermission)
	l := newLacking(t)
	rounds := l.rounds()
	wantEvery(t, roles, rounds)
	for _, r := range rounds {
		if t.Failed() {
			return
		}
		t.Log(r.name)
		l.play(r, roles)
	}
	l.last()
}

// wantEvery checks that the rounds take away what the chart gives: all of it, each once, and nothing else.
func wantEvery(t *testing.T, roles map[string][]rbacv1.PolicyRule, rounds []round) {
	t.Helper()
	var given, taken []string
	for role, rules := range roles {
		if elsewhere[role] {
			continue
		}
		for _, g := range grantsOf(role, rules) {
			given = append(given, g.String())
		}
	}
	for _, r := range rounds {
		for _, g := range r.taken {
			taken = append(taken, g.String())
		}
	}
	slices.Sort(given)
	slices.Sort(taken)
	for _, g := range given {
		if !slices.Contains(taken, g) {
			t.Errorf("nobody tries what happens without %s", g)
		}
	}
	for i, g := range taken {
		if !slices.Contains(given, g) {
			t.Errorf("%s is not given", g)
		}
		if i > 0 && taken[i-1] == g {
			t.Errorf("%s is taken away twice", g)
		}
	}
}

func (l *lacking) play(r round, roles map[string][]rbacv1.PolicyRule) {
	t := l.t
	t.Helper()
	if r.begins != nil {
		r.begins(l)
	}
	byRole := map[string][]grant{}
	for _, g := range r.taken {
		byRole[g.role] = append(byRole[g.role], g)
	}
	for role, taken := range byRole {
		setRules(t, role, lessOf(roles[role], taken...))
	}
	for _, g := range r.taken {
		awaitMay(t, g, g.holder(t).account, namesOf(roles[g.role], g), false)
	}
	for _, c := range r.restarts {
		restart(t, c)
	}
	if r.needs != nil {
		r.needs(l)
	}
	for _, g := range r.taken {
		c := g.holder(t)
		Eventually(t, "the lack of "+g.String()+" is named", func() error {
			if text := heard(t, c) + unquoted(l.answers.String()); !strings.Contains(text, g.refusalOf(c.account)) {
				return fmt.Errorf("nothing says %q", g.refusalOf(c.account))
			}
			return nil
		})
	}
	for role := range byRole {
		setRules(t, role, roles[role])
	}
	for _, g := range r.taken {
		awaitMay(t, g, g.holder(t).account, namesOf(roles[g.role], g), true)
	}
	if r.mended != nil {
		r.mended(l)
	}
	for _, g := range r.taken {
		l.watchesAgain(r, g)
	}
	AwaitInstalled(t)
	awaitPodIdentity(t)
}

// namesOf are the names that a rule with a grant is bound to.
func namesOf(rules []rbacv1.PolicyRule, g grant) []string {
	for _, rule := range rules {
		if slices.Contains(rule.Verbs, g.verb) && slices.ContainsFunc(rule.Resources, func(r string) bool { return rule.APIGroups[0]+"/"+r == g.resource }) {
			return rule.ResourceNames
		}
	}
	return nil
}

// watchesAgain waits until a watch that was refused stands.
func (l *lacking) watchesAgain(r round, g grant) {
	l.t.Helper()
	_, plural, _ := strings.Cut(g.resource, "/")
	if g.verb != "watch" && g.verb != "list" || plural == "secretproviderclasspodstatuses" {
		return
	}
	c := g.holder(l.t)
	Eventually(l.t, "the watch of "+g.String()+" stands again", func() error {
		for _, pod := range PodsOf(l.t, systemNamespace, c.pods) {
			_, now := Written(l.t, pod)
			for line := range strings.Lines(unquoted(now)) {
				if strings.Contains(line, "watching again") && strings.Contains(line, "resource="+plural+" ") {
					return nil
				}
			}
		}
		return fmt.Errorf("nothing says so")
	})
}
