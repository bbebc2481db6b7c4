package flexvolume

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/secretsstore"
	"strongroom/internal/secret"
)

// Provider is the name of the provider that the volumes of this driver are fetched from.
const Provider = "azure"

// Class is the SecretProviderClass that asks for the same: what publish is given, and what a migration prints.
func (s Spec) Class(namespace, name string) secretsstore.Class {
	return secretsstore.Class{
		APIVersion: secretsstore.V1, Kind: secretsstore.KindClass,
		Metadata: secretsstore.Meta{Namespace: namespace, Name: name},
		Spec:     secretsstore.Spec{Provider: Provider, Parameters: s.parameters()},
	}
}

func (s Spec) parameters() map[string]string {
	parameters := map[string]string{"keyvaultName": s.Vault, "tenantID": s.Tenant, "objects": s.list()}
	if s.Cloud != "" {
		parameters["cloudName"] = s.Cloud
	}
	switch s.Mode {
	case secret.PodIdentity:
		parameters["usePodIdentity"] = "true"
	case secret.ManagedIdentity:
		parameters["useVMManagedIdentity"] = "true"
		if s.Client != "" {
			parameters["userAssignedIdentityID"] = s.Client
		}
	}
	return parameters
}

// listed is an object as a class lists it.
type listed struct {
	Name       string `yaml:"objectName"`
	Type       string `yaml:"objectType"`
	Version    string `yaml:"objectVersion,omitempty"`
	Alias      string `yaml:"objectAlias,omitempty"`
	Format     string `yaml:"objectFormat,omitempty"`
	Permission string `yaml:"filePermission,omitempty"`
}

// list is the parameter objects. What an author wrote stays a value in it, whatever it is.
func (s Spec) list() string {
	var b strings.Builder
	b.WriteString("array:\n")
	for _, o := range s.Objects {
		one := listed{Name: o.Name, Type: string(o.Kind), Version: o.Version, Format: o.Format, Permission: s.Permission}
		if o.Format == "pem" {
			one.Format = "" // what a class means anyway
		}
		if o.File != o.Name {
			one.Alias = o.File
		}
		text, err := yaml.Marshal(one)
		if err != nil {
			continue // strings only: it cannot fail
		}
		b.WriteString("  - |\n")
		for line := range strings.Lines(string(text)) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}

// GroupPermission is what files get in a pod with an fsGroup, unless its author says otherwise: they are for that group.
const GroupPermission = "0640"

// class is the call's: with a group its files are for that group and for nobody else. Without one they are for whatever
// user the pod runs as, which the kubelet does not say: only the pod and root can reach the directory.
func (c Call) class() secretsstore.Class {
	spec := c.Spec
	if c.Group != nil {
		spec.Permission = cmp.Or(spec.Permission, GroupPermission)
	}
	return spec.Class(c.Pod.Namespace, cmp.Or(c.Volume, "flexvolume"))
}
