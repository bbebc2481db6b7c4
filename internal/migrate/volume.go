package migrate

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
	"strongroom/internal/flexvolume"
	"strongroom/internal/secret"
)

// The names of what is replaced and of what replaces it.
const (
	driver    = "azure/kv"
	csiDriver = "secrets-store.csi.k8s.io"
)

// volume changes one volume of a pod's specification, if it is ours.
func (m *migration) volume(pod, volume *yaml.Node, o owner) {
	volume = follow(volume)
	key, flex := entry(volume, "flexVolume")
	if key == nil || scalar(child(flex, "driver")) != driver {
		return
	}
	if volume.Style&yaml.FlowStyle != 0 || key.Line != volume.Content[0].Line && key.Column != volume.Content[0].Column {
		m.wrong(key, "the volume is written in braces, as JSON is, and only blocks can be changed").
			Mend("kubectl create --dry-run=client --output yaml -f %s", m.file)
		return
	}
	name := scalar(child(volume, "name"))
	spec, err := flexvolume.ReadSpec(options(child(flex, "options")))
	if err != nil {
		m.wrong(key, "%s, volume %s: %s", o, name, err.Error()).Remedy = strings.Join(fault.Remedies(err), " ; ")
		return
	}
	if child(child(pod, "securityContext"), "fsGroup") != nil && spec.Permission == "" {
		spec.Permission = flexvolume.GroupPermission
		m.note(o, name, "with the pod's fsGroup the files stay %s; the original's were 0644, and filePermission in the class's objects decides", spec.Permission)
	}
	lines := []string{"csi:", "  driver: " + csiDriver, "  readOnly: true", "  volumeAttributes:", "    secretProviderClass: " + m.class(o, name, spec)}
	ref := scalar(child(child(flex, "secretRef"), "name"))
	if spec.Mode == secret.ServicePrincipal {
		if ref == "" {
			m.wrong(key, "%s, volume %s: it names no identity: neither a switch is set nor a secretRef", o, name).Mend("secretRef: {name: kvcreds}")
			return
		}
		lines = append(lines, "  nodePublishSecretRef:", "    name: "+quoted(ref))
	}
	m.edits = append(m.edits, m.replace(key, lines))
	m.remark(o, name, spec, ref)
}

// options are the volume's as text, whatever YAML makes of them.
func options(node *yaml.Node) map[string]string {
	list := map[string]string{}
	if node == nil || node.Kind != yaml.MappingNode {
		return list
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		list[node.Content[i].Value] = scalar(follow(node.Content[i+1]))
	}
	return list
}

// remark says what differs for whoever relied on it.
func (m *migration) remark(o owner, name string, spec flexvolume.Spec, ref string) {
	for _, note := range spec.Notes {
		m.note(o, name, "%s; it was left out", note)
	}
	switch spec.Mode {
	case secret.ServicePrincipal:
		m.note(o, name, "the Secret %s is used as it is: its keys are the same, and its type does not matter", ref)
	case secret.PodIdentity:
		m.note(o, name, "usePodIdentity asks NMI, as before, by the pod's label aadpodidbinding")
	}
	if spec.Mode != secret.ServicePrincipal && ref != "" {
		m.note(o, name, "the Secret %s was not used and is not named any more", ref)
	}
	if spec.NMIPort != "" {
		m.note(o, name, "nmiport %s was left out: the provider's --nmi-endpoint says where NMI is", spec.NMIPort)
	}
	if formats := foreign(spec); len(formats) > 0 {
		m.note(o, name, "objectFormat %s keeps the bytes as they were, and only Strongroom knows it; without it certificates are PEM", strings.Join(formats, ", "))
	}
	m.note(o, name, "from now on the files are renewed while the pod runs; a FlexVolume's stayed as they were")
}

// foreign lists the formats that the Secrets Store CSI Driver's own provider does not know.
func foreign(spec flexvolume.Spec) (formats []string) {
	seen := map[string]bool{"pem": true, "": true}
	for _, o := range spec.Objects {
		if !seen[o.Format] {
			seen[o.Format] = true
			formats = append(formats, o.Format)
		}
	}
	return formats
}

// class gives the name of the class that asks for what the volume asked for, and makes it unless it was made for another
// volume of the namespace.
func (m *migration) class(o owner, volume string, spec flexvolume.Spec) string {
	base := className(o.name + "-" + volume)
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		text := render(spec.Class(o.namespace, name))
		switch m.made[o.namespace+"/"+name] {
		case "":
			m.made[o.namespace+"/"+name] = text
			m.classes = append(m.classes, []byte(text))
			return name
		case text:
			return name
		}
	}
}

// className makes a Kubernetes name of what people wrote.
func className(text string) string {
	const longest = 240
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text)
	text = strings.Trim(text, "-.")
	return strings.TrimRight(text[:min(len(text), longest)], "-.")
}
