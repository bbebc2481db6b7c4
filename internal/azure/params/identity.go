package params

import (
	"cmp"
	"strconv"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// identity chooses the mode and gathers its proof. The order is fixed: one of the three switches; without one,
// clientID means workload identity; without that, the service principal of nodePublishSecretRef. No mode ever falls
// back to another: a volume that asked to be one identity must not quietly become a second.
func (d *decoder) identity(pod secret.Pod, cloudName string) Identity {
	mode, ok := d.mode()
	if !ok {
		return Identity{}
	}
	d.noteUnused(mode)
	switch mode {
	case secret.PodIdentity:
		return Identity{Mode: mode, Why: `usePodIdentity is "true", so NMI decides by the pod's labels`}
	case secret.ManagedIdentity:
		return d.managed()
	case secret.IdentityBinding:
		return d.bound(pod)
	case secret.WorkloadIdentity:
		return d.workload(pod, cloudName)
	}
	return Identity{
		Mode:       secret.ServicePrincipal,
		Why:        "no identity parameter is set, so the Secret of nodePublishSecretRef decides",
		Credential: d.credential(),
	}
}

// mode reads the switches; not ok when they say nothing that can be followed.
func (d *decoder) mode() (secret.Mode, bool) {
	pod, ok1 := d.flag(keyPodIdentity)
	managed, ok2 := d.flag(keyManagedIdentity)
	proxy, ok3 := d.flag(keyTokenProxy)
	switch {
	case !ok1 || !ok2 || !ok3:
		return "", false
	case pod && managed, pod && proxy, managed && proxy:
		d.problem("parameters", "only one identity mode can be enabled at a time: "+
			"usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy").Mend("set all but one of them to \"false\"")
		return "", false
	case pod:
		return secret.PodIdentity, true
	case managed:
		return secret.ManagedIdentity, true
	case proxy:
		return secret.IdentityBinding, true
	case d.attrs[keyClient] != "":
		return secret.WorkloadIdentity, true
	}
	return secret.ServicePrincipal, true
}

// flag is a yes-or-no parameter; absent is no.
func (d *decoder) flag(key string) (value, ok bool) {
	text := d.attrs[key]
	if text == "" {
		return false, true
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		d.problem("parameter "+key, "failed to parse %s flag, error: strconv.ParseBool: parsing %q: invalid syntax",
			key, fault.Shorten(text)).Mend(`%s: "true"`, key)
	}
	return value, err == nil
}

// noteUnused tells of identity parameters that the chosen mode does not look at.
func (d *decoder) noteUnused(mode secret.Mode) {
	if d.attrs[keyUserAssigned] != "" && mode != secret.ManagedIdentity {
		d.note("parameter %s has no effect: the mode is %s", keyUserAssigned, mode)
	}
	if d.attrs[keyClient] != "" && (mode == secret.ManagedIdentity || mode == secret.PodIdentity) {
		d.note("parameter %s has no effect: the mode is %s", keyClient, mode)
	}
}

func (d *decoder) managed() Identity {
	id := Identity{
		Mode: secret.ManagedIdentity,
		Why:  "useVMManagedIdentity is \"true\" and userAssignedIdentityID is empty, so the node's own identity is used",
	}
	if d.attrs[keyUserAssigned] != "" {
		id.ClientID = d.clientID(keyUserAssigned)
		id.Why = "useVMManagedIdentity is \"true\" and userAssignedIdentityID names one of the node's identities"
	}
	return id
}

func (d *decoder) workload(pod secret.Pod, cloudName string) Identity {
	id := Identity{
		Mode:     secret.WorkloadIdentity,
		ClientID: d.clientID(keyClient),
		Why:      "clientID is set and no other mode is switched on",
	}
	candidates := d.exchangeAudiences(cloudName)
	wanted := candidates[0]
	a, failure := d.assertion(pod, candidates...)
	if failure != nil {
		failure.Message = "failed to parse workload identity tokens, error: " + failure.Message
		d.authProblem("None", failure)
		return id
	}
	if a.Audience != wanted {
		d.note("the service account token has the audience %s; %s is documented for this cloud", a.Audience, wanted)
	}
	id.Assertion = a
	return id
}

// exchangeAudiences are those a service account token may have, the best first. A custom environment's file is not read
// here, so for one of those every cloud's audience will do.
func (d *decoder) exchangeAudiences(cloudName string) []string {
	if c, err := cloud.Named(cloudName); err == nil {
		return []string{c.ExchangeAudience(), cloud.PublicExchangeAudience}
	}
	return append([]string{cmp.Or(d.in.DefaultAudience, cloud.PublicExchangeAudience)}, cloud.ExchangeAudiences()...)
}

// BindingAudience is what a service account token must be for when it is shown to a cluster's token proxy.
const BindingAudience = "api://AKSIdentityBinding"

func (d *decoder) bound(pod secret.Pod) Identity {
	const mode = "AzureTokenProxy"
	id := Identity{Mode: secret.IdentityBinding, Why: `useAzureTokenProxy is "true" and clientID names the bound identity`}
	if d.attrs[keyClient] == "" {
		missing := fault.New(fault.Invalid, "parameter "+keyClient, "clientID is required for identity binding")
		d.authProblem(mode, missing).Mend(`clientID: "00000000-0000-0000-0000-000000000000"`)
	} else {
		id.ClientID = d.clientID(keyClient)
	}
	a, failure := d.assertion(pod, BindingAudience)
	switch {
	case failure == nil:
		id.Assertion = a
		return id
	case failure.Message == noTokens:
		failure.Message = "service account tokens are required for identity binding"
	default:
		failure.Message = "failed to parse service account token for identity binding, error: " + failure.Message
	}
	d.authProblem(mode, failure)
	return id
}

// clientID is a parameter that names an application or identity by its client id. The mistake people make is to give
// the identity's resource id; it is told before a call. A client id that is no GUID is Azure's to refuse.
func (d *decoder) clientID(key string) string {
	value := d.attrs[key]
	switch {
	case guid.MatchString(value):
	case plainWord.MatchString(value):
		d.note("parameter %s is not a GUID, as client ids are: %q", key, fault.Shorten(value))
	default:
		d.problem("parameter "+key, "is not a client id: %q", fault.Shorten(value)).
			Mend("az identity show -g <resource group> -n <identity> --query clientId -o tsv")
	}
	return value
}

// authProblem records why a mode cannot be used, worded as it is known for that mode.
func (d *decoder) authProblem(mode string, e *fault.Error) *fault.Error {
	e.Message = "failed to build auth config for mode " + mode + ": " + e.Message
	d.problems = append(d.problems, e)
	return e
}
