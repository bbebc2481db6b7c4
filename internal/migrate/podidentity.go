package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// Text is manifests, and the file they are of, for messages.
type Text struct {
	Name string
	Text []byte
}

// Options are what the manifests themselves do not say. The zero value is a cluster as most are.
type Options struct {
	Namespace       string // of objects that state none; empty is default
	ForceNamespaced bool   // bindings serve pods of their own namespace only, as MIC and NMI were told
	Issuer          string // of the cluster's service account tokens, for the commands; empty is the shell's $SERVICE_ACCOUNT_ISSUER
}

// Moved is what pod identity became.
type Moved struct {
	Texts    []Text   // as many as were given, each with what is new in front; as it was where there was nothing to do
	Pods     int      // pods, and templates of pods, that were changed or have all they need already
	Commands []string // for a shell, to be run before the texts are applied
	Notes    []string // what differs or needs a hand
}

// PodIdentity turns pods that get their identities by AAD Pod Identity into pods that have them by workload identity. What
// the bindings and identities among the texts give a pod, it is given by a ServiceAccount; classes with usePodIdentity
// name the client id instead. Pods that no binding among the texts selects stay as they are, and so do the objects of pod
// identity themselves: pods that run need them to the end. The error tells every problem, by file and line.
func PodIdentity(texts []Text, o Options) (Moved, error) {
	if o.Issuer != "" && (!strings.HasPrefix(o.Issuer, "https://") || !harmless.MatchString(o.Issuer)) {
		return Moved{}, fault.New(fault.Invalid, "issuer", "%s is no https address", fault.Shorten(o.Issuer)).
			Mend("az aks show --resource-group GROUP --name CLUSTER --query oidcIssuerProfile.issuerUrl --output tsv")
	}
	o.Namespace, o.Issuer = cmp.Or(o.Namespace, aadpodidentity.DefaultNamespace), cmp.Or(o.Issuer, `"$SERVICE_ACCOUNT_ISSUER"`)
	moved, _, err := move(texts, o)
	if err != nil {
		return Moved{}, err
	}
	_, left, err := move(moved.Texts, o)
	if err == nil && left > 0 {
		err = fault.New(fault.Internal, moved.Texts[0].Name, "the result still holds %d places to change", left)
	}
	if err != nil {
		return Moved{}, fault.Wrap(err, fault.Internal, "the result", "is not what it should be").Mend("write the manifests without anchors and aliases")
	}
	return moved, nil
}

// place is where an object is.
type place struct{ namespace, name string }

func (p place) String() string { return p.namespace + "/" + p.name }

// moving is the work on all texts.
type moving struct {
	Options
	texts      []*migration
	identities []aadpodidentity.Identity
	bindings   []aadpodidentity.Binding
	pods       []*podSpec
	classes    map[place]*class
	order      []*class
	accounts   map[place]*account
	commands   []string
	notes      []string
}

// move does it once, and counts what it changed.
func move(texts []Text, o Options) (Moved, int, error) {
	m := &moving{Options: o, classes: map[place]*class{}, accounts: map[place]*account{}}
	var problems fault.List
	for _, text := range texts {
		if len(text.Text) > maxText {
			return Moved{}, 0, fault.New(fault.Invalid, text.Name, "it is longer than the %d bytes that are read", maxText)
		}
		roots, err := documents(text.Name, text.Text)
		if err != nil {
			return Moved{}, 0, err
		}
		one := newMigration(text.Name, text.Text)
		m.texts = append(m.texts, one)
		for _, root := range roots {
			m.collect(one, root)
		}
	}
	done := m.change()
	moved := Moved{Pods: done, Commands: m.commands, Notes: m.notes}
	edits := 0
	for i, one := range m.texts {
		problems = append(problems, one.problems...)
		edits += len(one.edits)
		text := Text{one.file, texts[i].Text}
		if len(one.edits)+len(one.classes) > 0 {
			text.Text = one.text()
		}
		moved.Texts = append(moved.Texts, text)
	}
	return moved, edits, problems.AsError()
}

// collect sorts one object, or each item of a list.
func (m *moving) collect(in *migration, root *yaml.Node) {
	kind := scalar(child(root, "kind"))
	if items := child(root, "items"); strings.HasSuffix(kind, "List") && items != nil {
		for _, item := range items.Content {
			m.collect(in, follow(item))
		}
		return
	}
	metadata := child(root, "metadata")
	at := place{cmp.Or(scalar(child(metadata, "namespace")), m.Namespace), scalar(child(metadata, "name"))}
	group, _, _ := strings.Cut(scalar(child(root, "apiVersion")), "/")
	switch {
	case group == aadpodidentity.Group && kind == aadpodidentity.KindIdentity:
		identity, err := aadpodidentity.DecodeIdentity(m.json(in, root))
		identity.Namespace = at.namespace
		m.identities = append(m.identities, identity)
		m.unread(in, root, err)
	case group == aadpodidentity.Group && kind == aadpodidentity.KindBinding:
		binding, err := aadpodidentity.DecodeBinding(m.json(in, root))
		binding.Namespace = at.namespace
		m.bindings = append(m.bindings, binding)
		m.unread(in, root, err)
	case kind == "SecretProviderClass":
		m.class(in, root, at)
	case kind == "ServiceAccount":
		m.accounts[at] = &account{at: at, in: in, root: root}
	default:
		name := cmp.Or(at.name, strings.TrimRight(scalar(child(metadata, "generateName")), "-"))
		m.lookForPods(in, root, owner{kind, scalar(child(metadata, "namespace")), name}, nil)
	}
}

// json is an object as the API has it; a person's YAML may hold what JSON has not.
func (m *moving) json(in *migration, root *yaml.Node) []byte {
	var value any
	err := root.Decode(&value)
	raw, wrong := json.Marshal(value)
	if err != nil || wrong != nil {
		in.wrong(root, "the object cannot be read as JSON")
		return []byte("{}")
	}
	return raw
}

func (m *moving) unread(in *migration, root *yaml.Node, err error) {
	if err != nil {
		in.wrong(root, "%s", err.Error())
	}
}

// change decides, and puts down what is to change. It counts the pods that are moved.
func (m *moving) change() (done int) {
	for _, p := range m.pods {
		m.bind(p)
	}
	m.changeClasses()
	for _, p := range m.pods {
		if len(p.identities) > 0 {
			done++
			m.changePod(p)
		}
	}
	if done > 0 {
		m.say("run the commands first, and wait some minutes: a pod gets nothing before Azure trusts its ServiceAccount")
		m.say("what asks the metadata address for tokens by itself must use its SDK's workload identity (DefaultAzureCredential), "+
			"with the label %s: \"true\" on its pod and the webhook of workload identity in the cluster; volumes need neither", useLabel)
		m.say("AzureIdentity and AzureIdentityBinding objects stay for the pods that run; delete them when no pod has the label %s any more", aadpodidentity.LabelBinding)
	}
	m.tellMany()
	return done
}

// bind finds what the bindings give a pod, as NMI would.
func (m *moving) bind(p *podSpec) {
	bound := match.Manage(p.namespace, p.label, m.ForceNamespaced, m.bindings, m.identities)
	for _, b := range bound.Without {
		m.note(p.owner, "AzureIdentityBinding %s/%s names AzureIdentity %s, which is not among what was read", b.Namespace, b.Name, b.AzureIdentity)
	}
	for _, i := range bound.Kept {
		m.note(p.owner, "AzureIdentity %s/%s keeps to its own namespace, so the pod had nothing of it", i.Namespace, i.Name)
	}
	for _, i := range bound.Identities {
		if _, err := match.Usable(&i); err != nil || i.ClientID == "" {
			m.note(p.owner, "AzureIdentity %s/%s cannot be used as it is written: %s", i.Namespace, i.Name, fault.Explain(err))
			continue
		}
		p.identities = append(p.identities, i)
	}
	if len(bound.Bindings) == 0 {
		m.note(p.owner, "no AzureIdentityBinding among what was read has the selector %q; it is left as it is", p.label)
	}
}

func (m *moving) note(o owner, format string, args ...any) {
	m.say("%s: %s", o, fmt.Sprintf(format, args...))
}

// say notes something, once.
func (m *moving) say(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(m.notes, note) {
		m.notes = append(m.notes, note)
	}
}

func placeOf(i aadpodidentity.Identity) place { return place{i.Namespace, i.Name} }
