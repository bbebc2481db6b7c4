package flexvolume

import (
	"strconv"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Spec is what a pod's author asks for: the options of a volume, checked as far as that needs no knowledge of Azure. What
// is left is checked by the provider, which knows it.
type Spec struct {
	Tenant  string
	Vault   string
	Cloud   string // as written; empty is the cloud of the node's operator
	Mode    secret.Mode
	Client  string // of a managed identity; empty is the machine's own
	NMIPort string // 0 to 65535; empty is the operator's
	Objects []Object
	// Permission is the files' in octal; empty is what suits the pod.
	Permission string
	// Notes are findings that stop nothing.
	Notes []string
}

// ReadSpec reads the options of a volume. Keys may be written in any case. The error tells every problem at once; those
// about a missing option first, in the original's order and words.
func ReadSpec(options map[string]string) (Spec, error) {
	r := newReader(options)
	spec := r.spec()
	return spec, r.problems.AsError()
}

func (r *reader) spec() Spec {
	s := Spec{
		Tenant: r.required(optTenant, "00000000-0000-0000-0000-000000000000"),
		Vault:  r.required(optVault, "my-vault"),
		Cloud:  r.options[optCloud],
	}
	s.Objects = r.objects()
	s.Mode = r.mode()
	if s.Mode == secret.ManagedIdentity {
		s.Client = r.options[optNodeClient]
	}
	s.NMIPort = r.nmiPort()
	s.Permission = r.options[optPermission]
	s.Notes = r.notes
	return s
}

// mode is how the volume proves who it is. Unlike a SecretProviderClass, where two switches are a mistake, pod identity
// comes before the node's and that before a Secret: manifests rely on it.
func (r *reader) mode() secret.Mode {
	pod, node := r.flag(optPodIdentity), r.flag(optNodeIdentity)
	if pod && node {
		r.note("option " + optNodeIdentity + " has no effect: " + optPodIdentity + " comes first")
	}
	switch {
	case pod:
		return secret.PodIdentity
	case node:
		return secret.ManagedIdentity
	}
	return secret.ServicePrincipal
}

// flag is a yes-or-no option; absent is no.
func (r *reader) flag(name string) bool {
	text := r.options[name]
	if text == "" {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		r.wrong(name, "is neither true nor false: %q", fault.Shorten(text)).Mend("%s: %q", name, "true")
	}
	return value
}

func (r *reader) nmiPort() string {
	text := r.options[optNMIPort]
	if text == "" {
		return ""
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		r.wrong(optNMIPort, "is not a port, a whole number from 0 to 65535: %q", fault.Shorten(text)).Mend("%s: %q", optNMIPort, "2579")
		return ""
	}
	return strconv.FormatUint(port, 10)
}
