package arm

import (
	"fmt"
	"net/http"
	"strings"

	"strongroom/internal/form"
)

// The least built-in roles that let identities be put on machines.
const (
	changesMachines   = "Virtual Machine Contributor"
	assignsIdentities = "Managed Identity Operator"
)

// caller is whom Azure refused, as its message says; the action and scope it lacks the right for likewise.
var (
	clientForm = form.New(`(?i)the client '([0-9a-f-]{36})'`)
	objectForm = form.New(`(?i)object id '([0-9a-f-]{36})'`)
	actionForm = form.New(`(?i)perform action '([a-z0-9./*]+)' over scope '(/[^'\s]+)'`)
	// groupForm is the resource group that a scope is in.
	groupForm = form.New(`(?i)^/subscriptions/[^/]+/resourcegroups/[^/]+`)
)

// remedy is the command or setting that would mend a refusal; empty when nothing but waiting helps. r is the zero Resource
// where the machine is not known.
func remedy(p problem, status int, ids []string, r Resource) string {
	switch strings.ToLower(p.Code) {
	case "linkedauthorizationfailed":
		return linkedRemedy(p, ids)
	case "authorizationfailed":
		return roleRemedy(p, r)
	case "failedidentityoperation", "linkedinvalidpropertyid":
		return missingRemedy(ids)
	case "subscriptionnotfound", "invalidsubscriptionid":
		return "check cloud, tenantId and subscriptionId in azure.json: az account list --query '[].{tenant:tenantId, subscription:id}'"
	case "scopelocked":
		return "az lock list --resource-group " + word(r.groupOr("<node resource group>"))
	case "requestdisallowedbypolicy":
		return "ask whoever keeps the subscription's policies: az policy assignment list --disable-scope-strict-match"
	}
	if namesIdentity(p) {
		return missingRemedy(ids)
	}
	if status == http.StatusUnauthorized {
		return "check cloud and tenantId in azure.json: the token must be of the subscription's own tenant"
	}
	return ""
}

func (r Resource) groupOr(otherwise string) string {
	if r.Group == "" {
		return otherwise
	}
	return r.Group
}

// roleRemedy gives the role that is missing, in the whole node resource group: scale sets come and go.
func roleRemedy(p problem, r Resource) string {
	action, scope := "", ""
	if m := actionForm.FindStringSubmatch(p.Message); m != nil {
		action, scope = m[1], m[2]
	}
	if group := groupForm.FindString(scope); group != "" {
		scope = group
	}
	if r.valid() {
		scope = r.group()
	}
	role := changesMachines
	switch lower := strings.ToLower(action); {
	case strings.HasPrefix(lower, "microsoft.managedidentity/"):
		role = assignsIdentities
	case action != "" && !strings.HasPrefix(lower, "microsoft.compute/"):
		return fmt.Sprintf("give %s a role with the action %s at %s", whom(p), action, word(scope))
	}
	if scope == "" {
		scope = "<id of the node resource group>"
	}
	return assignment(p, role, scope) + "; a new one takes some minutes to be seen"
}

// linkedRemedy gives the right to assign, identity by identity: a role at a whole group would be more than was asked for.
func linkedRemedy(p problem, ids []string) string {
	const most = 3
	if len(ids) == 0 {
		return assignment(p, assignsIdentities, "<id of the identity>") + "; a new one takes some minutes to be seen"
	}
	var lines []string
	for _, id := range ids[:min(len(ids), most)] {
		lines = append(lines, assignment(p, assignsIdentities, id))
	}
	text := strings.Join(lines, " && ")
	if more := len(ids) - len(lines); more > 0 {
		text += fmt.Sprintf(", and so for %d more", more)
	}
	return text + "; a new one takes some minutes to be seen, and for an identity that does not exist it fails: check resourceID of its AzureIdentity then"
}

func missingRemedy(ids []string) string {
	named := "<id of the identity>"
	if len(ids) > 0 {
		named = word(ids[0])
	}
	return "check resourceID of the AzureIdentity: az identity show --ids " + named
}

func assignment(p problem, role, scope string) string {
	return fmt.Sprintf("az role assignment create --role %q %s --scope %s", role, assignee(p), word(scope))
}

// assignee names the caller by object id, which needs no look-up and works for a new one, else by client id.
func assignee(p problem) string {
	if m := objectForm.FindStringSubmatch(p.Message); m != nil {
		return "--assignee-object-id " + m[1] + " --assignee-principal-type ServicePrincipal"
	}
	return "--assignee " + whom(p)
}

func whom(p problem) string {
	if m := objectForm.FindStringSubmatch(p.Message); m != nil {
		return m[1]
	}
	if m := clientForm.FindStringSubmatch(p.Message); m != nil {
		return m[1]
	}
	return "<client id of the cluster's identity>"
}

var harmless = form.New(`^[A-Za-z0-9_./-]+$`)

// word quotes a server's words for a POSIX shell; people paste remedies. What stands between < and > is for them to fill
// in and stays as it is.
func word(s string) string {
	if harmless.MatchString(s) || strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") && harmless.MatchString(strings.ReplaceAll(s[1:len(s)-1], " ", "")) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
