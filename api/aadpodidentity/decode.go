package aadpodidentity

import (
	"encoding/json"
	"time"

	"strongroom/internal/fault"
)

// DecodeIdentity reads an AzureIdentity in the API's JSON. An error is Invalid, and comes with as much as could be read:
// the metadata, unless that is what is wrong, and nothing of the spec.
func DecodeIdentity(raw []byte) (Identity, error) {
	meta, spec, status, err := open(raw)
	i := Identity{Meta: meta}
	if err != nil {
		return i, err
	}
	i.ResourceID = spec.text("resourceID", "ResourceID")
	i.ClientID = spec.text("clientID", "ClientID")
	i.TenantID = spec.text("tenantID", "TenantID")
	i.ADEndpoint = spec.text("adEndpoint", "ADEndpoint")
	i.AuxiliaryTenantIDs = either[[]string](spec, "auxiliaryTenantIDs", "AuxiliaryTenantIDs", func(list []string) bool { return len(list) == 0 })
	i.Type = either[Type](spec, "type", "", func(Type) bool { return false })
	i.ClientPassword = spec.secret()
	if spec.wrong != nil {
		return Identity{Meta: meta}, spec.fault(meta)
	}
	i.Conditions = conditions(status.values["conditions"])
	return i, nil
}

// conditions are those of a status. Others may have written it: what cannot be read is as good as none.
func conditions(raw json.RawMessage) []Condition {
	var list []struct {
		Type               string    `json:"type"`
		Status             string    `json:"status"`
		Reason             string    `json:"reason"`
		Message            string    `json:"message"`
		LastTransitionTime time.Time `json:"lastTransitionTime"`
	}
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil
	}
	read := make([]Condition, len(list))
	for n, c := range list {
		read[n] = Condition{c.Type, c.Status, c.Reason, c.Message, c.LastTransitionTime}
	}
	return read
}

// DecodeBinding reads an AzureIdentityBinding in the API's JSON. Errors are as those of DecodeIdentity.
func DecodeBinding(raw []byte) (Binding, error) {
	meta, spec, _, err := open(raw)
	b := Binding{Meta: meta}
	if err != nil {
		return b, err
	}
	b.AzureIdentity = spec.text("azureIdentity", "AzureIdentity")
	b.Selector = spec.text("selector", "Selector")
	if spec.wrong != nil {
		return Binding{Meta: meta}, spec.fault(meta)
	}
	return b, nil
}

// DecodeAssignedIdentity reads an AzureAssignedIdentity in the API's JSON, with the copies in it. Errors are as those of
// DecodeIdentity. Its fields were only ever written by programs, in one spelling; those of the copies have two.
func DecodeAssignedIdentity(raw []byte) (AssignedIdentity, error) {
	meta, spec, status, err := open(raw)
	a := AssignedIdentity{Meta: meta}
	if err != nil {
		return a, err
	}
	a.Pod, a.PodNamespace, a.Node = spec.text("pod", ""), spec.text("podNamespace", ""), spec.text("nodename", "")
	a.State = State(status.text("status", ""))
	if copied := spec.values["azureIdentityRef"]; given(copied) {
		a.Identity, err = DecodeIdentity(copied)
		spec.note("azureIdentityRef", err)
	}
	if copied := spec.values["azureBindingRef"]; given(copied) {
		a.Binding, err = DecodeBinding(copied)
		spec.note("azureBindingRef", err)
	}
	spec.note("status", status.wrong)
	if spec.wrong != nil {
		return AssignedIdentity{Meta: meta}, spec.fault(meta)
	}
	return a, nil
}

// DecodeException reads an AzurePodIdentityException in the API's JSON. Errors are as those of DecodeIdentity.
func DecodeException(raw []byte) (Exception, error) {
	meta, spec, _, err := open(raw)
	e := Exception{Meta: meta}
	if err != nil {
		return e, err
	}
	e.PodLabels = either[map[string]string](spec, "podLabels", "PodLabels", func(m map[string]string) bool { return len(m) == 0 })
	if spec.wrong != nil {
		return Exception{Meta: meta}, spec.fault(meta)
	}
	return e, nil
}

// open takes an object apart.
func open(raw []byte) (Meta, *fields, *fields, error) {
	var object struct {
		Metadata struct {
			Namespace         string            `json:"namespace"`
			Name              string            `json:"name"`
			UID               string            `json:"uid"`
			ResourceVersion   string            `json:"resourceVersion"`
			Labels            map[string]string `json:"labels"`
			Annotations       map[string]string `json:"annotations"`
			Finalizers        []string          `json:"finalizers"`
			DeletionTimestamp *string           `json:"deletionTimestamp"`
		} `json:"metadata"`
		Spec   json.RawMessage `json:"spec"`
		Status json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return Meta{}, nil, nil, fault.Wrap(err, fault.Invalid, "an object of "+Group, "cannot be read")
	}
	m := object.Metadata
	meta := Meta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion,
		Labels: m.Labels, Annotations: m.Annotations, Finalizers: m.Finalizers, Deleting: m.DeletionTimestamp != nil,
	}
	spec, status := part(object.Spec), part(object.Status)
	if spec.wrong != nil {
		return meta, nil, nil, spec.fault(meta)
	}
	return meta, spec, status, nil
}
