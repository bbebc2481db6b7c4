package keyvault

import (
	"fmt"
	"net/http"
	"strings"

	"strongroom/internal/azure/transport"
	"strongroom/internal/form"
	"strongroom/internal/secret"
)

// remedy is the command or setting that would mend a refusal, with the real names filled in; empty when nothing but
// waiting helps.
func remedy(status int, p problem, asked Challenge, what call) string {
	switch status {
	case http.StatusUnauthorized:
		return tokenRemedy(p, asked, what.token)
	case http.StatusForbidden:
		return accessRemedy(p, what)
	case http.StatusNotFound:
		return missingRemedy(what)
	}
	return ""
}

// tokenRemedy tells which tenant and audience the vault wants, as far as its challenge says.
func tokenRemedy(p problem, asked Challenge, hidden secret.Value) string {
	tenant, authority, resource := transport.ID(asked.Tenant, hidden), transport.Line(asked.Authority, hidden), transport.Line(asked.Resource, hidden)
	switch {
	case strings.Contains(p.Message, "AKV10032") && tenant != "":
		return fmt.Sprintf("set tenantId to %s, the tenant of this vault (token authority %s)", tenant, authority)
	case strings.Contains(strings.ToLower(p.Message), "audience") && resource != "":
		return fmt.Sprintf("check cloudName: this vault takes tokens for %s", resource)
	case authority != "" && resource != "":
		return fmt.Sprintf("check tenantId and cloudName: this vault takes tokens of %s for %s", authority, resource)
	}
	return ""
}

func accessRemedy(p problem, what call) string {
	vault := what.vault.name()
	switch p.Inner.Code {
	case "SecretDisabled":
		return fmt.Sprintf("az keyvault %s set-attributes --vault-name %s --name %s%s --enabled true",
			noun(what.object.Kind), word(vault), word(what.object.Name), versionFlag(what.object.Version))
	case "ForbiddenByFirewall":
		return fmt.Sprintf("az keyvault network-rule add --name %s --ip-address %s", word(vault), clientAddress(p.Message))
	case "ForbiddenByConnection":
		return fmt.Sprintf("give this network a private endpoint to the vault, or: az keyvault update --name %s --public-network-access Enabled", word(vault))
	case "ForbiddenByRbac":
		return roleRemedy(p, what)
	case "AccessDenied", "ForbiddenByPolicy":
		return policyRemedy(p, what)
	}
	return ""
}

func versionFlag(version string) string {
	if version == "" {
		return ""
	}
	return " --version " + word(version)
}

// roles are the least built-in roles that let an area be read and its versions be listed.
var roles = map[secret.Kind]string{
	secret.Secret:      "Key Vault Secrets User",
	secret.Key:         "Key Vault Crypto User",
	secret.Certificate: "Key Vault Certificate User",
}

// vaultScope is the vault's part of the resource id in a refusal's message.
var vaultScope = form.New(`(?i)Resource: '(/subscriptions/[^/' ]+/resourcegroups/[^/' ]+/providers/microsoft\.keyvault/vaults/[^/' ]+)`)

func roleRemedy(p problem, what call) string {
	scope := fmt.Sprintf("$(az keyvault show --name %s --query id --output tsv)", word(what.vault.name()))
	if m := vaultScope.FindStringSubmatch(p.Message); m != nil && harmless.MatchString(m[1]) {
		scope = m[1]
	}
	return fmt.Sprintf("az role assignment create --role '%s' --assignee-object-id %s --assignee-principal-type ServicePrincipal --scope %s; a new one takes some minutes to be seen",
		roles[what.object.Kind], objectID(p.Message), scope)
}

func policyRemedy(p problem, what call) string {
	permissions := "get"
	if what.list {
		permissions = "get list"
	}
	return fmt.Sprintf("az keyvault set-policy --name %s --object-id %s --%s-permissions %s",
		word(what.vault.name()), objectID(p.Message), noun(what.object.Kind), permissions)
}

func missingRemedy(what call) string {
	kind := noun(what.object.Kind)
	if what.object.Version != "" {
		return fmt.Sprintf("az keyvault %s list-versions --vault-name %s --name %s", kind, word(what.vault.name()), word(what.object.Name))
	}
	return fmt.Sprintf("check objectName and objectType; if it was deleted: az keyvault %s recover --vault-name %s --name %s",
		kind, word(what.vault.name()), word(what.object.Name))
}

var (
	oid      = form.New(`oid=([0-9a-fA-F-]{36})`)
	address  = form.New(`Client address: ([0-9a-fA-F.:]+)`)
	harmless = form.New(`^[A-Za-z0-9_.()/-]+$`)
)

// objectID is the caller's, as the vault saw it.
func objectID(message string) string {
	if m := oid.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return "<object id>"
}

func clientAddress(message string) string {
	if m := address.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return "<address of this node>"
}

// word quotes a name for a shell; names come from manifests, and people paste remedies.
func word(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
