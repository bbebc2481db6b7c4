package token

import (
	"encoding/json"
	"fmt"
	"strings"

	"strongroom/internal/form"
)

// remedyFor is the command that would mend a refusal, with the real values where they are known and <names> where they
// are not.
func remedyFor(status int, b refusalBody, who claimant) string {
	if who.flow == byNode {
		return nodeRemedy(b, who.target)
	}
	t := who.target
	switch b.code() {
	case 70021, 700211, 700212, 700213, 7002138:
		return trustRemedy(who)
	case 7000215:
		return "put the secret's value, not its id, into " + t.kept() + "; a new one: az ad app credential reset --id " + shell(t.ClientID) + " --append"
	case 7000222:
		return "renew it and update " + t.kept() + ": az ad app credential reset --id " + shell(t.ClientID) + " --append"
	case 700027:
		return "register the certificate with the application: az ad app credential reset --id " + shell(t.ClientID) + " --append --cert @certificate.pem"
	case 700016:
		return fmt.Sprintf("check clientID and tenantId; in tenant %s: az ad sp show --id %s", shell(t.Tenant), shell(t.ClientID))
	case 90002:
		return fmt.Sprintf("check tenantId %s and cloudName (the authority is %s): az account list --query '[].tenantId'", shell(t.Tenant), t.Authority)
	case 700024:
		return "compare the node's clock with the real time (timedatectl), and see that the service account token is renewed"
	case 53003:
		return "ask whoever keeps the tenant's conditional access policies for workload identities to admit " + shell(t.ClientID) + " from this network"
	case 500011:
		return fmt.Sprintf("check cloudName: tenant %s does not know the resource %s", shell(t.Tenant), shell(t.Resource))
	case 90061:
		return "the cluster's issuer must be reachable from the internet: az aks show --name <cluster> --resource-group <group> --query oidcIssuerProfile"
	}
	if who.flow == byBinding && status < 500 {
		return bindingRemedy(t)
	}
	return ""
}

// trustRemedy creates the federated credential that was looked for and not found. A client id does not tell whether it
// is an application's or an identity's, so both commands are given.
func trustRemedy(who claimant) string {
	if who.flow == byBinding {
		return bindingRemedy(who.target)
	}
	a := who.assertion
	parameters, err := json.Marshal(struct {
		Name      string   `json:"name"`
		Issuer    string   `json:"issuer"`
		Subject   string   `json:"subject"`
		Audiences []string `json:"audiences"`
	}{"strongroom", a.Issuer, a.Subject, []string{a.Audience}})
	if err != nil { // strings can be marshalled
		return ""
	}
	return fmt.Sprintf("az identity federated-credential create --name strongroom --identity-name <identity> --resource-group <group> --issuer %s --subject %s --audiences %s"+
		" (of an application: az ad app federated-credential create --id %s --parameters %s); a new one takes some minutes to be seen",
		shell(a.Issuer), shell(a.Subject), shell(a.Audience), shell(who.target.ClientID), shell(string(parameters)))
}

func bindingRemedy(t Target) string {
	return "az aks identity-binding create --name <binding> --cluster-name <cluster> --resource-group <group> --managed-identity-resource-id " +
		"$(az identity list --query \"[?clientId=='" + plain(t.ClientID) + "'].id\" --output tsv)"
}

func nodeRemedy(b refusalBody, t Target) string {
	description := strings.ToLower(b.Description)
	assign := "az vmss identity assign --resource-group <node resource group> --name <scale set>"
	switch {
	case strings.Contains(description, "identity not found") && t.ResourceID != "":
		return assign + " --identities " + shell(t.ResourceID)
	case strings.Contains(description, "identity not found") && t.ClientID == "":
		return assign + " (gives it a system-assigned identity), or set userAssignedIdentityID"
	case strings.Contains(description, "identity not found"):
		return assign + " --identities $(az identity list --query \"[?clientId=='" + plain(t.ClientID) + "'].id\" --output tsv)"
	case strings.Contains(description, "multiple user assigned"):
		return "set userAssignedIdentityID to the client id of one of them: az vmss identity show --resource-group <node resource group> --name <scale set>"
	}
	return ""
}

// kept is where the credential is kept, in words.
func (t Target) kept() string {
	if t.Kept != "" {
		return t.Kept
	}
	return "the Secret that nodePublishSecretRef names"
}

var harmless = form.New(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shell quotes a value for a POSIX shell: the values come from tokens and manifests, and people paste remedies.
func shell(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plain keeps what an id consists of, for a place where no quoting helps.
func plain(id string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-", r) {
			return r
		}
		return -1
	}, id)
}
