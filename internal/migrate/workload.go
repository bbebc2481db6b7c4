package migrate

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
)

// useLabel makes the webhook of workload identity give a pod what its SDK looks for.
const useLabel = "azure.workload.identity/use"

// podSpec is a pod, or a template of pods, that asks for identities by its label.
type podSpec struct {
	in        *migration
	owner     owner
	namespace string
	node      *yaml.Node // holds metadata and spec
	label     string
	selected  bool // a selector of its owner has the label as well
	// identities are those that it had, by namespace and name; none leaves it as it is.
	identities []aadpodidentity.Identity
}

// lookForPods finds pods and their templates at any depth. selector is the matchLabels of what holds them.
func (m *moving) lookForPods(in *migration, node *yaml.Node, o owner, selector *yaml.Node) {
	if spec := child(node, "spec"); child(spec, "containers") != nil {
		label := scalar(child(child(child(node, "metadata"), "labels"), aadpodidentity.LabelBinding))
		if label != "" {
			m.pods = append(m.pods, &podSpec{
				in: in, owner: o, namespace: cmp.Or(o.namespace, m.Namespace), node: node, label: label,
				selected: child(selector, aadpodidentity.LabelBinding) != nil,
			})
		}
		return
	}
	if own := child(child(node, "selector"), "matchLabels"); own != nil {
		selector = own
	}
	for i, inner := range node.Content {
		if node.Kind != yaml.MappingNode || i%2 == 1 {
			m.lookForPods(in, inner, o, selector)
		}
	}
}

// changePod gives a pod its ServiceAccount and takes the label off.
func (m *moving) changePod(p *podSpec) {
	m.useAccount(p)
	m.dropLabel(p)
	if p.owner.kind == "Pod" {
		m.note(p.owner, "a pod that runs cannot be changed so: delete it and create it anew")
	}
	if len(p.identities) > 1 {
		m.note(p.owner, "it had %d identities; classes that named none now name %s, the first by namespace and name", len(p.identities), placeOf(p.identities[0]))
	}
}

// dropLabel takes the label off, and what is empty without it.
func (m *moving) dropLabel(p *podSpec) {
	if p.selected {
		m.note(p.owner, "the label %s stays, because the selector has it and cannot be changed; it has no effect once pod identity is gone", aadpodidentity.LabelBinding)
		return
	}
	key, labels := entry(child(p.node, "metadata"), "labels")
	if len(labels.Content) > 2 {
		key, _ = entry(labels, aadpodidentity.LabelBinding)
		p.in.remove(labels, key)
		return
	}
	metadata := child(p.node, "metadata")
	if len(metadata.Content) == 2 {
		key, _ = entry(p.node, "metadata")
		metadata = p.node
	}
	p.in.remove(metadata, key)
}

// useAccount makes the pod run as a ServiceAccount that Azure is to trust. One of its own stays, since it has its own
// rights; the namespace's default one would give the identity to all others who name none.
func (m *moving) useAccount(p *podSpec) {
	specKey, spec := entry(p.node, "spec")
	nameKey, name := entry(spec, "serviceAccountName")
	oldKey, old := entry(spec, "serviceAccount")
	own := cmp.Or(scalar(name), scalar(old))
	if own != "" && own != "default" {
		m.keepAccount(p, own)
		return
	}
	a := m.newAccount(p)
	m.trust(a, p.identities)
	line := "serviceAccountName: " + quoted(a.at.name)
	switch {
	case nameKey != nil:
		p.in.put(spec, nameKey, line)
	case oldKey == nil && p.in.blocks(spec, spec.Content[0]):
		if first := spec.Content[0]; first.Line > specKey.Line {
			p.in.edits = append(p.in.edits, edit{specKey.Line, specKey.Line, strings.Repeat(" ", first.Column-1) + line + "\n"})
		} else {
			p.in.wrong(specKey, "%s: its spec is written elsewhere, by an alias", p.owner).Mend("write it out")
		}
	}
	if oldKey != nil {
		p.in.put(spec, oldKey, map[bool]string{true: "serviceAccount: " + quoted(a.at.name), false: line}[nameKey != nil])
	}
	m.note(p.owner, "it runs as ServiceAccount %s from now on; what RBAC gave to the account default of its namespace must be given to that as well", a.at)
}

// blocks is true when an entry of a mapping can be changed by lines; otherwise that is a problem.
func (m *migration) blocks(in, key *yaml.Node) bool {
	if in.Style&yaml.FlowStyle == 0 && strings.TrimLeft(string(m.lines[key.Line-1][:key.Column-1]), " ") == "" {
		return true
	}
	if in.Style&yaml.FlowStyle == 0 && key == in.Content[0] {
		return true // behind the dash of a list
	}
	m.wrong(key, "%s is written in braces, as JSON is, and only blocks can be changed", key.Value).
		Mend("kubectl create --dry-run=client --output yaml -f %s", m.file)
	return false
}

// put writes a line in the place of an entry.
func (m *migration) put(in, key *yaml.Node, line string) {
	if m.blocks(in, key) {
		m.edits = append(m.edits, m.replace(key, []string{line}))
	}
}

// remove takes an entry away with its lines.
func (m *migration) remove(in, key *yaml.Node) {
	if !m.blocks(in, key) {
		return
	}
	e := m.replace(key, nil)
	if strings.TrimSpace(e.text) != "" {
		m.wrong(key, "%s begins the item of a list, and cannot be taken away", key.Value).Mend("put another field first")
		return
	}
	e.text = ""
	m.edits = append(m.edits, e)
}

// users are the volumes of a pod that name a class.
func (p *podSpec) users() (names []*yaml.Node) {
	volumes := child(child(p.node, "spec"), "volumes")
	if volumes == nil {
		return nil
	}
	for _, volume := range volumes.Content {
		csi := child(follow(volume), "csi")
		attributes := child(csi, "volumeAttributes")
		if scalar(child(csi, "driver")) == csiDriver && attributes != nil && scalar(child(attributes, "secretProviderClass")) != "" {
			names = append(names, attributes)
		}
	}
	return slices.Clip(names)
}
