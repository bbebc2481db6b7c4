package kubefake

import (
	"fmt"
	"net/http"
)

func (s *Server) create(q request, k *kind, body Object) (Object, int, *status) {
	m := meta(body)
	if q.namespace != "" {
		m["namespace"] = q.namespace
	}
	if text(m["name"]) == "" && text(m["generateName"]) != "" {
		m["name"] = text(m["generateName"]) + newUID()[:5]
	}
	q.name = text(m["name"])
	if k.records[keyOf(body)] != nil {
		return nil, 0, alreadyExists(q, k)
	}
	if text(m["resourceVersion"]) != "" {
		return nil, 0, ptr(badRequest("resourceVersion should not be set on objects to be created"))
	}
	for _, field := range []string{"uid", "deletionTimestamp", "deletionGracePeriodSeconds"} {
		delete(m, field)
	}
	if k.hasStatus {
		delete(body, "status")
	}
	begin(k, body)
	return s.commit(k, keyOf(body), named(k, body), nil), http.StatusCreated, nil
}

// update replaces an object, or the part of it the call is about, unless it is in another state than the caller thinks.
func (s *Server) update(q request, k *kind, key string, body Object) (Object, int, *status) {
	r := k.records[key]
	if failure := passed(q, k, meta(body), meta(r.object)); failure != nil {
		return nil, 0, failure
	}
	if k.custom && text(meta(body)["resourceVersion"]) == "" {
		return nil, 0, invalid(q, k, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
	}
	after := part(q, k, body, r.object)
	return s.replace(q, k, key, after, r.applied)
}

// replace commits an object that differs; one that does not keeps its version.
func (s *Server) replace(q request, k *kind, key string, after Object, applied map[string]flat) (Object, int, *status) {
	before := k.records[key].object
	if k.name == "Secret" && after["type"] != before["type"] {
		return nil, 0, invalid(q, k, "type", fmt.Sprintf("Invalid value: %q: field is immutable", after["type"]))
	}
	inherit(k, after, before)
	meta(after)["resourceVersion"] = meta(before)["resourceVersion"]
	if failure := bound(q, k, after, before); failure != nil {
		return nil, 0, failure
	}
	if same(after, before) {
		k.records[key].applied = applied
		return before, http.StatusOK, nil
	}
	if done(after) {
		s.commit(k, key, nil, nil)
		return after, http.StatusOK, nil
	}
	return s.commit(k, key, named(k, after), applied), http.StatusOK, nil
}

// part is the object with only that changed which the path lets be changed: the status, or all but the status.
func part(q request, k *kind, body, before Object) Object {
	if !k.hasStatus {
		return body
	}
	if q.sub == "status" {
		after := deepCopy(before)
		after["status"] = body["status"]
		return after
	}
	body["status"] = before["status"]
	if body["status"] == nil {
		delete(body, "status")
	}
	return body
}

// passed is the refusal of a write that names another state or another object than the one that stands.
func passed(q request, k *kind, wanted, standing Object) *status {
	if v := text(wanted["resourceVersion"]); v != "" && v != text(standing["resourceVersion"]) {
		return conflict(q, k, "the object has been modified; please apply your changes to the latest version and try again")
	}
	if uid := text(wanted["uid"]); uid != "" && uid != text(standing["uid"]) {
		return invalid(q, k, "metadata.uid", fmt.Sprintf("Invalid value: %q: field is immutable", uid))
	}
	return nil
}

// named makes sure that an object says what it is.
func named(k *kind, o Object) Object {
	o["kind"] = k.name
	o["apiVersion"] = k.root[len("api/"):]
	if k.root != "api/v1" {
		o["apiVersion"] = k.root[len("apis/"):]
	}
	return o
}
