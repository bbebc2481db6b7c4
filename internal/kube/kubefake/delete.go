package kubefake

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// delete takes an object away, unless it is not the one the caller means. It answers with the object as long as
// finalizers keep it, and with a mere success when it is gone.
func (s *Server) delete(q request, k *kind, key string, options Object) (Object, int, *status) {
	m := meta(k.records[key].object)
	wanted, _ := options["preconditions"].(Object)
	for _, p := range []struct{ field, name string }{{"uid", "UID"}, {"resourceVersion", "ResourceVersion"}} {
		if w := text(wanted[p.field]); w != "" && w != text(m[p.field]) {
			return nil, 0, conflict(q, k, fmt.Sprintf("the %s in the precondition (%s) does not match the %s in record (%s). The object might have been deleted and then recreated", p.name, w, p.name, m[p.field]))
		}
	}
	if left := s.end(k, key); left != nil {
		return left, http.StatusOK, nil
	}
	details := about(q, k)
	details["uid"] = m["uid"]
	return Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Success", "details": details}, http.StatusOK, nil
}

// end takes an object away, or marks it when finalizers keep it, and gives it then. The caller holds the lock.
func (s *Server) end(k *kind, key string) (left Object) {
	r := k.records[key]
	if len(finalizers(r.object)) == 0 {
		s.commit(k, key, nil, nil)
		return nil
	}
	if meta(r.object)["deletionTimestamp"] != nil {
		return r.object
	}
	o := deepCopy(r.object)
	m := meta(o)
	m["deletionTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	m["deletionGracePeriodSeconds"] = int64(0)
	m["generation"] = number(m["generation"]) + 1
	return s.commit(k, key, o, r.applied)
}

// done is true of an object that was to go as soon as nothing keeps it, and that nothing keeps any more. A pod that is
// given time to end is none, though it has no finalizers.
func done(o Object) bool {
	m := meta(o)
	return m["deletionTimestamp"] != nil && m["deletionGracePeriodSeconds"] != nil && number(m["deletionGracePeriodSeconds"]) == 0 && len(finalizers(o)) == 0
}

// bound is the refusal of a write that would keep an object from going by a finalizer it had not before.
func bound(q request, k *kind, after, before Object) *status {
	if meta(before)["deletionTimestamp"] == nil {
		return nil
	}
	for _, f := range finalizers(after) {
		if !slices.ContainsFunc(finalizers(before), func(known any) bool { return known == f }) {
			return invalid(q, k, "metadata.finalizers", fmt.Sprintf("Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{%q}", f))
		}
	}
	return nil
}

func finalizers(o Object) []any {
	list, _ := meta(o)["finalizers"].([]any)
	return list
}
