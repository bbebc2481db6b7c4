// Package policy is an operator's restriction of who may use which identity mode and which vault, by namespace. It is
// pure: text in, a decision out. No policy allows everything, as the replaced systems do; a policy allows only what
// one of its rules allows, so a mistake in it shuts doors instead of opening them.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Policy is a list of rules. The zero value allows everything.
type Policy struct {
	rules []Rule
	set   bool
}

// Rule allows the modes and vaults it lists to the namespaces it lists. An empty list means any. Namespaces and vaults
// may use the wildcards of path.Match; vaults are compared in lower case.
type Rule struct {
	Namespaces []string      `yaml:"namespaces"`
	Modes      []secret.Mode `yaml:"modes"`
	Vaults     []string      `yaml:"vaults"`
}

var modes = []secret.Mode{secret.ServicePrincipal, secret.WorkloadIdentity, secret.ManagedIdentity, secret.PodIdentity, secret.IdentityBinding}

// Parse reads a policy document: a mapping with the one key "rules". Unknown keys, unknown modes and bad patterns are
// Invalid: a misspelt restriction must not be taken for none.
func Parse(text []byte) (Policy, error) {
	var doc struct {
		Rules []Rule `yaml:"rules"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, fault.Wrap(err, fault.Invalid, "policy", "is not a list of rules")
	}
	var problems fault.List
	for i, rule := range doc.Rules {
		problems = append(problems, rule.check(fmt.Sprintf("policy rules[%d]", i))...)
	}
	return Policy{rules: doc.Rules, set: true}, problems.AsError()
}

func (r Rule) check(subject string) (problems fault.List) {
	for _, mode := range r.Modes {
		if !slices.Contains(modes, mode) {
			problems = append(problems, fault.New(fault.Invalid, subject, "no identity mode %q", mode).Mend("use one of %v", modes))
		}
	}
	for _, pattern := range slices.Concat(r.Namespaces, r.Vaults) {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			problems = append(problems, fault.New(fault.Invalid, subject, "the pattern %q does not parse", pattern))
		}
	}
	return problems
}

// Check is nil when some rule allows the pod's namespace this mode and this vault, else a Denied fault that names what
// was asked for.
func (p Policy) Check(namespace string, mode secret.Mode, vault string) error {
	if !p.set {
		return nil
	}
	for _, rule := range p.rules {
		if matches(rule.Namespaces, namespace) && matches(rule.Vaults, strings.ToLower(vault)) &&
			(len(rule.Modes) == 0 || slices.Contains(rule.Modes, mode)) {
			return nil
		}
	}
	return fault.New(fault.Denied, "policy", "namespace %s may not use %s with vault %s", namespace, mode, vault).
		Mend("use a mode and vault that the cluster's operator allows this namespace, or ask for a rule in the provider's --policy file")
}

func matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), name)
		return err == nil && ok
	})
}
