package state

import (
	"fmt"
	"slices"
	"strings"

	"strongroom/internal/emulator/access"
	"strongroom/internal/emulator/arm/vaults"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

var (
	vaultName = form.New(`^[a-zA-Z]([a-zA-Z0-9-]{1,22})[a-zA-Z0-9]$`)
	guid      = form.New(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	scopeForm = form.New(`^(secrets|keys|certificates)/[0-9a-zA-Z-]{1,127}$`)
)

// checker collects what is wrong with a document as a whole: names, references, words from closed lists. What belongs
// to a part alone (an object's versions, a credential's form) is checked by the part itself when it is set up.
type checker struct {
	document *Document
	taken    map[string]bool // every principal's name and ids, lower case
	refs     map[string]bool // what others may refer to them by: names as they are, ids in lower case
	problems fault.List
}

// Check says what is wrong with a document, however it was made: nil, or Invalid with every problem under its path.
func (d *Document) Check() error { return d.check().AsError() }

func (d *Document) check() fault.List {
	c := &checker{document: d, taken: map[string]bool{}, refs: map[string]bool{}}
	if len(d.Tenants) == 0 {
		c.wrong("tenants", "at least one is required")
	}
	c.principals()
	c.machines()
	c.directoryRoles()
	c.vaults()
	c.bindings()
	for i, issuer := range d.Issuers {
		path := fmt.Sprintf("issuers[%d]", i)
		if !strings.HasPrefix(issuer.URL, "https://") {
			c.wrong(path+".url", "must be an https URL")
		}
		if issuer.JWKS == "" && issuer.JWKSFile == "" {
			c.wrong(path, "needs jwks or jwksFile")
		}
	}
	return append(c.problems, checkFaults(d.Faults)...)
}

func (c *checker) wrong(path, format string, args ...any) {
	c.problems = append(c.problems, fault.New(fault.Invalid, path, format, args...))
}

// principals learns every name others may refer to; a name serves one principal only.
func (c *checker) principals() {
	for i, a := range c.document.Applications {
		c.principal(fmt.Sprintf("applications[%d]", i), a.Name, a.ClientID, a.ObjectID)
	}
	for i, m := range c.document.Identities {
		path := fmt.Sprintf("identities[%d]", i)
		c.principal(path, m.Name, m.ClientID, m.ObjectID, m.ResourceID)
		if m.SystemAssigned {
			c.wrong(path+".systemAssigned", "belongs to a node: set it there")
		}
	}
	for i, n := range c.document.Nodes {
		if n.SystemAssigned {
			c.principal(fmt.Sprintf("nodes[%d]", i), n.Name)
		}
	}
	for i, set := range c.document.ScaleSets {
		if set.SystemAssigned {
			c.principal(fmt.Sprintf("scaleSets[%d]", i), set.Name)
		}
	}
}

func (c *checker) principal(path, name string, ids ...string) {
	if name == "" {
		c.wrong(path+".name", "is required")
	}
	for _, known := range append([]string{name}, ids...) {
		key := strings.ToLower(known)
		if key == "" {
			continue
		}
		if c.taken[key] {
			c.wrong(path, "%q already names a principal", known)
		}
		c.taken[key] = true
		if known == name {
			key = name
		}
		c.refs[key] = true
	}
}

// refers checks that a reference names somebody of this document. The id of somebody who is not in it is let through
// where Azure would take it too.
func (c *checker) refers(path, ref string, strangers bool) {
	switch {
	case ref == "":
		c.wrong(path, "is required")
	case !c.refs[ref] && !c.refs[strings.ToLower(ref)] && !(strangers && guid.MatchString(ref)):
		c.wrong(path, "%q is no application, identity or node with an identity in this document", ref)
	}
}

func (c *checker) vaults() {
	seen := map[string]bool{}
	for i, v := range c.document.Vaults {
		path := fmt.Sprintf("vaults[%d]", i)
		if !vaultName.MatchString(v.Name) {
			c.wrong(path+".name", "must be 3 to 24 letters, digits and dashes, beginning with a letter")
		} else if seen[strings.ToLower(v.Name)] {
			c.wrong(path+".name", "%q is given twice", v.Name)
		}
		seen[strings.ToLower(v.Name)] = true
		c.place(path, v.Place)
		if v.ResourceID != "" && v.Place != (Place{}) {
			c.wrong(path+".resourceId", "goes not together with subscription and resourceGroup")
		}
		c.oneOf(path+".authorization", string(v.Authorization), string(ByPolicies), string(ByRBAC))
		c.oneOf(path+".firewall", string(v.Firewall), string(Open), string(Deny))
		c.policies(path, v)
		c.roleAssignments(path, v)
	}
}

func (c *checker) policies(path string, v Vault) {
	if v.Authorization == ByRBAC && len(v.Policies) > 0 {
		c.wrong(path+".policies", "have no effect with authorization: rbac")
	}
	for i, p := range v.Policies {
		at := fmt.Sprintf("%s.policies[%d]", path, i)
		c.refers(at+".principal", p.Principal, true)
		c.permissions(at+".secrets", p.Secrets, vaults.SecretPermissions)
		c.permissions(at+".keys", p.Keys, vaults.KeyPermissions)
		c.permissions(at+".certificates", p.Certificates, vaults.CertificatePermissions)
	}
}

func (c *checker) permissions(path string, given []string, known string) {
	for i, permission := range given {
		if !slices.Contains(strings.Fields(known), strings.ToLower(permission)) {
			c.wrong(fmt.Sprintf("%s[%d]", path, i), "%q is no permission here; known are %s", permission, known)
		}
	}
}

func (c *checker) roleAssignments(path string, v Vault) {
	if v.Authorization != ByRBAC && len(v.RoleAssignments) > 0 {
		c.wrong(path+".roleAssignments", "have an effect only with authorization: rbac")
	}
	for i, a := range v.RoleAssignments {
		at := fmt.Sprintf("%s.roleAssignments[%d]", path, i)
		c.refers(at+".principal", a.Principal, true)
		if _, err := access.FindRole(a.Role); err != nil {
			c.problems = append(c.problems, fault.Wrap(err, fault.Invalid, at+".role", "is unknown"))
		}
		if a.Scope != "" && !scopeForm.MatchString(a.Scope) {
			c.wrong(at+".scope", "must be empty or secrets/NAME, keys/NAME, certificates/NAME")
		}
	}
}

func (c *checker) bindings() {
	for i, b := range c.document.PodBindings {
		path := fmt.Sprintf("podBindings[%d]", i)
		c.refers(path+".identity", b.Identity, false)
		if b.Namespace == "" || b.Pod == "" {
			c.wrong(path, `needs namespace and pod ("*" for every pod)`)
		}
	}
	for i, b := range c.document.IdentityBindings {
		path := fmt.Sprintf("identityBindings[%d]", i)
		c.refers(path+".identity", b.Identity, false)
		if b.Namespace == "" || b.ServiceAccount == "" {
			c.wrong(path, `needs namespace and serviceAccount ("*" for any)`)
		}
	}
}

func (c *checker) oneOf(path, given string, known ...string) {
	if given != "" && !slices.Contains(known, given) {
		c.wrong(path, "%q must be one of %s", given, strings.Join(known, ", "))
	}
}
