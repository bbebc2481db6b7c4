package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/form"
)

// The annotations by which the webhook of workload identity, and people, know whom a ServiceAccount stands for.
const (
	clientAnnotation = "azure.workload.identity/client-id"
	tenantAnnotation = "azure.workload.identity/tenant-id"
	audience         = "api://AzureADTokenExchange"
)

// mostCredentials is how many federated credentials Azure allows an identity.
const mostCredentials = 20

// account is a ServiceAccount.
type account struct {
	at      place
	in      *migration // that it stands in; nil when it is new or not among what was read
	root    *yaml.Node
	made    string // for whom it was made; empty when it was there
	trusted []aadpodidentity.Identity
}

// newAccount is the account for pods that have exactly these identities: pods with fewer must not come to have more.
func (m *moving) newAccount(p *podSpec) *account {
	var whom []string
	for _, i := range p.identities {
		whom = append(whom, placeOf(i).String())
	}
	made := strings.Join(whom, " ")
	base := className(p.identities[0].Name)
	for n := 1; ; n++ {
		at := place{p.namespace, base}
		if n > 1 {
			at.name = fmt.Sprintf("%s-%d", base, n)
		}
		a := m.accounts[at]
		switch {
		case at.name == "default" || a != nil && a.made != made && !a.isOf(p.identities):
			continue
		case a != nil:
			return a
		}
		a = &account{at: at, made: made}
		m.accounts[at] = a
		p.in.classes = append(p.in.classes, []byte(a.text(p.owner.namespace, p.identities[0])))
		return a
	}
}

// isOf is true when the account was made for this one identity before.
func (a *account) isOf(list []aadpodidentity.Identity) bool {
	return a.made == "" && len(list) == 1 && strings.EqualFold(a.client(), list[0].ClientID)
}

// client is the client id that a ServiceAccount is annotated with.
func (a *account) client() string {
	return scalar(child(child(child(a.root, "metadata"), "annotations"), clientAnnotation))
}

func (a *account) text(namespace string, i aadpodidentity.Identity) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: " + quoted(a.at.name) + "\n")
	if namespace != "" {
		b.WriteString("  namespace: " + quoted(namespace) + "\n")
	}
	b.WriteString("  annotations:\n    " + clientAnnotation + ": " + text(i.ClientID) + "\n")
	if i.Type != aadpodidentity.UserAssigned && i.TenantID != "" {
		b.WriteString("    " + tenantAnnotation + ": " + text(i.TenantID) + "\n")
	}
	return b.String()
}

// keepAccount lets Azure trust the account that a pod has already.
func (m *moving) keepAccount(p *podSpec, name string) {
	at, client := place{p.namespace, name}, p.identities[0].ClientID
	a := m.accounts[at]
	if a == nil {
		a = &account{at: at}
		m.accounts[at] = a
	}
	m.say("ServiceAccount %s: every pod that runs as it may be what its pods were by their labels; give pods accounts of their own to keep them apart", at)
	already := cmp.Or(a.client(), a.annotatedFor())
	m.trust(a, p.identities)
	switch {
	case already == client:
	case already != "":
		m.say("ServiceAccount %s is annotated for client id %s, and its pods are also %s: what uses an SDK must name that client id", at, already, client)
	case a.in == nil:
		m.command("kubectl annotate serviceaccount %s --namespace %s %s=%s", word(name), word(p.namespace), clientAnnotation, word(client))
	default:
		a.annotate(client)
	}
}

// annotatedFor is the client id that it is about to be annotated with.
func (a *account) annotatedFor() string {
	if len(a.trusted) == 0 {
		return ""
	}
	return a.trusted[0].ClientID
}

// annotate adds the annotation to a ServiceAccount among what was read.
func (a *account) annotate(client string) {
	line := clientAnnotation + ": " + text(client)
	metadata := child(a.root, "metadata")
	into := metadata
	if annotations := child(metadata, "annotations"); annotations != nil && len(annotations.Content) > 0 {
		into = annotations
	} else {
		line = "annotations: {" + line + "}"
		if key, _ := entry(metadata, "annotations"); key != nil {
			a.in.put(metadata, key, line)
			return
		}
	}
	first := into.Content[0]
	if a.in.blocks(into, first) {
		a.in.edits = append(a.in.edits, edit{first.Line - 1, first.Line - 1, strings.Repeat(" ", first.Column-1) + line + "\n"})
	}
}

// trust is the command by which Azure takes the account's tokens for an identity.
func (m *moving) trust(a *account, identities []aadpodidentity.Identity) {
	for _, i := range identities {
		if slices.ContainsFunc(a.trusted, func(t aadpodidentity.Identity) bool { return placeOf(t) == placeOf(i) }) {
			continue
		}
		a.trusted = append(a.trusted, i)
		subject := "system:serviceaccount:" + a.at.namespace + ":" + a.at.name
		name := credentialName(a.at)
		if i.Type == aadpodidentity.UserAssigned {
			id := strings.Split(strings.Trim(strings.TrimSpace(i.ResourceID), "/"), "/") // match.Usable has seen it
			m.command("az identity federated-credential create --name %s --identity-name %s --resource-group %s --subscription %s --issuer %s --subject %s --audiences %s",
				word(name), word(id[7]), word(id[3]), word(id[1]), m.Issuer, word(subject), audience)
			continue
		}
		m.command("az ad app federated-credential create --id %s --parameters %s", word(i.ClientID), m.parameters(name, subject))
		m.say("AzureIdentity %s is a service principal: its application (not the service principal) trusts the ServiceAccount from now on, and Secret %s/%s is not needed any more once no pod has the label",
			placeOf(i), i.ClientPassword.Namespace, i.ClientPassword.Name)
		if len(i.AuxiliaryTenantIDs) > 0 {
			m.say("AzureIdentity %s has auxiliary tenants: workload identity gives tokens of one tenant at a time, and the application must trust the ServiceAccount in each", placeOf(i))
		}
	}
}

// parameters is a credential of an application as "az" reads it, in quotes for a shell.
func (m *moving) parameters(name, subject string) string {
	const issuer = "the issuer"
	raw, err := json.Marshal(map[string]any{"name": name, "issuer": issuer, "subject": subject, "audiences": []string{audience}})
	if err != nil {
		return "''" // texts only: it cannot fail
	}
	return strings.Replace(word(string(raw)), issuer, "'"+m.Issuer+"'", 1)
}

// tellMany notes identities that would be trusted by more accounts than Azure allows.
func (m *moving) tellMany() {
	count := map[string]int{}
	for _, command := range m.commands {
		if head, _, found := strings.Cut(command, " --issuer "); found {
			_, whom, _ := strings.Cut(head, " --identity-name ")
			if count[whom]++; count[whom] == mostCredentials+1 {
				m.say("identity %s would have more than the %d federated credentials that Azure allows: share ServiceAccounts, or use identity binding", strings.Fields(whom)[0], mostCredentials)
			}
		}
	}
}

func (m *moving) command(format string, args ...any) {
	m.commands = append(m.commands, fmt.Sprintf(format, args...))
}

// credentialName is what the credential is called at the identity: at most 120 letters, digits and dashes.
func credentialName(at place) string {
	const longest = 120
	name := strings.ReplaceAll(at.namespace+"-"+at.name, ".", "-")
	return strings.Trim(name[:min(len(name), longest)], "-")
}

var harmless = form.New(`^[A-Za-z0-9_./:@-]+$`)

// word quotes a manifest's words for a POSIX shell.
func word(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
