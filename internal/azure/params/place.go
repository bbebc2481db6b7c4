package params

import (
	"path"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/secret"
)

// pod is who the volume is for, as the kubelet states it.
func (d *decoder) pod() secret.Pod {
	p := secret.Pod{
		Name:           d.in.Attributes[secretsstore.AttrPodName],
		Namespace:      d.in.Attributes[secretsstore.AttrPodNamespace],
		UID:            d.in.Attributes[secretsstore.AttrPodUID],
		ServiceAccount: d.in.Attributes[secretsstore.AttrServiceAccount],
	}
	d.podWord(secretsstore.AttrPodName, "pod name", p.Name)
	d.podWord(secretsstore.AttrPodNamespace, "pod namespace", p.Namespace)
	if p.ServiceAccount != "" {
		d.podWord(secretsstore.AttrServiceAccount, "service account", p.ServiceAccount)
	}
	return p
}

var plainWord = form.UpTo(253, `^[0-9A-Za-z._-]+$`)

// podWord insists on what Kubernetes allows in names: they become headers and parts of a token's subject, where a
// colon or a line break would mean something else.
func (d *decoder) podWord(key, what, value string) {
	switch {
	case value == "":
		d.problem("attribute "+key, "%s is not provided", what).
			Mend("the CSIDriver object needs podInfoOnMount: true")
	case !plainWord.MatchString(value):
		d.problem("attribute "+key, "%s is not a Kubernetes name: %q", what, fault.Shorten(value))
	}
}

var (
	vaultChars = form.New(`^[0-9A-Za-z]([-0-9A-Za-z]*[0-9A-Za-z])?$`)
	guid       = form.New(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	domain     = form.New(`^([0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?\.)+[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?$`)
)

// vault is the vault's name. It becomes the first label of a host, so nothing that could end a label may be in it.
func (d *decoder) vault() string {
	const subject = "parameter " + keyVault
	name := d.attrs[keyVault]
	switch {
	case name == "":
		d.problem(subject, "keyvaultName is not provided").Mend(`keyvaultName: "my-vault"`)
	case len(name) < 3 || len(name) > 24:
		d.problem(subject, "failed to get vault: Invalid vault name: %q, must be between 3 and 24 chars", fault.Shorten(name)).
			Mend(`give the vault's name alone, not its address: keyvaultName: "my-vault"`)
	case !vaultChars.MatchString(name):
		d.problem(subject, "failed to get vault: Invalid vault name: %q, must match [-a-zA-Z0-9]{3,24}"+
			" and begin and end with a letter or digit", fault.Shorten(name)).
			Mend(`give the vault's name alone, not its address: keyvaultName: "my-vault"`)
	}
	return name
}

// tenant is the directory that issues the token: a GUID, a domain, or adfs for a cloud without Entra.
func (d *decoder) tenant() string {
	const subject, example = "parameter " + keyTenant, `tenantID: "00000000-0000-0000-0000-000000000000"`
	tenant := d.attrs[keyTenant]
	switch {
	case tenant == "":
		d.problem(subject, "tenantId is not provided").Mend(example)
	case strings.EqualFold(tenant, "adfs"):
		return "adfs"
	case !guid.MatchString(tenant) && (len(tenant) > 253 || !domain.MatchString(tenant)):
		d.problem(subject, "is neither a GUID nor a domain: %q", fault.Shorten(tenant)).Mend(example)
	}
	return tenant
}

// cloud is the canonical name of the cloud, and for a custom one the file that describes it.
func (d *decoder) cloud() (name, file, dir string) {
	text := d.attrs[keyCloud]
	fromClass := text != ""
	if !fromClass {
		text = d.in.DefaultCloud
	}
	name, known := cloud.Canonical(text)
	if !known {
		_, err := cloud.Named(text)
		d.problem("parameter "+keyCloud, "cloudName %s is not valid, error: %v", fault.Shorten(text), err).
			Mend("cloudName: %q", cloud.Public)
		return "", "", ""
	}
	file, dir = d.cloudFile()
	switch {
	case name != cloud.Stack && file != "":
		d.note("parameter %s has no effect: only cloudName %s reads a file", keyCloudFile, cloud.Stack)
		return name, "", ""
	case name == cloud.Stack && fromClass && d.attrs[keyCloudFile] == "" && !strings.EqualFold(d.in.DefaultCloud, cloud.Stack):
		d.problem("parameter "+keyCloudFile, "is not set, and cloudName %s needs it", cloud.Stack).
			Mend(`cloudEnvFileName: "my-cloud.json"`)
	}
	return name, file, dir
}

// cloudFile takes a bare file name, or for older manifests an absolute path, whose directory the caller has to judge.
func (d *decoder) cloudFile() (file, dir string) {
	text := d.attrs[keyCloudFile]
	if text == "" {
		return "", ""
	}
	dir, file = path.Split(text)
	clean := dir == "" || (path.IsAbs(text) && path.Clean(text) == text)
	if !clean || file == "" || strings.Contains(file, "..") || strings.ContainsAny(text, "\\\x00") || file == "." {
		d.problem("parameter "+keyCloudFile, "must be the name of a file, without a directory: %q", fault.Shorten(text)).
			Mend(`cloudEnvFileName: "my-cloud.json"`)
		return "", ""
	}
	if dir != "" {
		dir = path.Clean(dir)
	}
	return file, dir
}
