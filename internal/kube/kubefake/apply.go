package kubefake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// flat is an object as the values at its leaves, by their paths. A list is one leaf, but for the lists whose elements
// have a name of their own: each of those is a leaf.
type flat map[string]any

// separator parts the steps of a path; no field has it in its name.
const separator = "\x00"

// elementNames says which field names the elements of a list.
var elementNames = map[string]string{"ownerReferences": "uid", "conditions": "type"}

// apply is a server-side apply: the manager's fields become what the body says, those it named before and does not any
// more go, and everybody else's stay. A field that somebody else set otherwise is a conflict, unless it is forced.
func (s *Server) apply(q request, k *kind, key string, body Object) (Object, int, *status) {
	manager := q.URL.Query().Get("fieldManager")
	if manager == "" {
		return nil, 0, ptr(badRequest("fieldManager is required for apply patch"))
	}
	m := meta(body)
	r := k.records[key]
	if r == nil {
		return s.applyNew(q, k, key, body, manager)
	}
	if failure := passed(q, k, m, meta(r.object)); failure != nil {
		return nil, 0, failure
	}
	wanted, standing, ours := flatten(managed(body)), flatten(r.object), r.applied[manager]
	if q.URL.Query().Get("force") != "true" {
		if clash := clashes(wanted, standing, ours); clash != "" {
			return nil, 0, conflict(q, k, "Apply failed with 1 conflict: conflict with another manager: "+clash)
		}
	}
	for path, value := range ours {
		if _, still := wanted[path]; !still && same(standing[path], value) && !others(r.applied, manager, path) {
			delete(standing, path)
		}
	}
	maps.Copy(standing, wanted)
	applied := maps.Clone(r.applied)
	if applied == nil {
		applied = map[string]flat{}
	}
	applied[manager] = wanted
	return s.replace(q, k, key, part(q, k, unflatten(standing), r.object), applied)
}

// applyNew creates what is applied, unless a certain object was meant, or only its status. A version alone does not keep
// a server from it.
func (s *Server) applyNew(q request, k *kind, key string, body Object, manager string) (Object, int, *status) {
	switch {
	case q.sub != "":
		return nil, 0, notFound(q, k)
	case text(meta(body)["uid"]) != "":
		return nil, 0, conflict(q, k, "Precondition failed: UID in precondition: "+text(meta(body)["uid"])+", UID in object meta: ")
	}
	applied := map[string]flat{manager: flatten(managed(body))}
	meta(body)["namespace"], meta(body)["name"] = q.namespace, q.name
	if q.namespace == "" {
		delete(meta(body), "namespace")
	}
	begin(k, body)
	return s.commit(k, key, named(k, deepCopy(body)), applied), http.StatusCreated, nil
}

// managed is an object without what nobody manages: who it is and in which state.
func managed(o Object) Object {
	o = deepCopy(o)
	delete(o, "apiVersion")
	delete(o, "kind")
	for _, field := range []string{"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		delete(meta(o), field)
	}
	return o
}

// clashes names the first field that somebody else set, and otherwise.
func clashes(wanted, standing, ours flat) string {
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		value, set := standing[path]
		own, applied := ours[path]
		if set && !same(value, wanted[path]) && (!applied || !same(own, value)) {
			return "." + strings.ReplaceAll(path, separator, ".")
		}
	}
	return ""
}

func others(applied map[string]flat, manager, path string) bool {
	for name, fields := range applied {
		if _, has := fields[path]; has && name != manager {
			return true
		}
	}
	return false
}

func flatten(o Object) flat {
	f := flat{}
	f.add(nil, o)
	return f
}

func (f flat) add(path []string, value any) {
	switch v := value.(type) {
	case Object:
		for key, inner := range v {
			f.add(append(slices.Clip(path), key), inner)
		}
		if len(v) == 0 && len(path) > 0 {
			f[strings.Join(path, separator)] = v
		}
	case []any:
		name := elementNames[path[len(path)-1]]
		if name == "" || len(v) == 0 {
			f[strings.Join(path, separator)] = v
			return
		}
		for _, element := range v {
			e, _ := element.(Object)
			f[strings.Join(append(slices.Clip(path), fmt.Sprintf("%s=%v", name, e[name])), separator)] = element
		}
	default:
		f[strings.Join(path, separator)] = value
	}
}

// unflatten is the inverse of flatten; elements of named lists come in the order of their names.
func unflatten(f flat) Object {
	o := Object{}
	for _, joined := range slices.Sorted(maps.Keys(f)) {
		path := strings.Split(joined, separator)
		at, last := o, len(path)-1
		for i := 0; i < last; i++ {
			if i == last-1 && elementNames[path[i]] != "" {
				list, _ := at[path[i]].([]any)
				at[path[i]] = append(list, f[joined])
				at = nil
				break
			}
			inner, ok := at[path[i]].(Object)
			if !ok {
				inner = Object{}
				at[path[i]] = inner
			}
			at = inner
		}
		if at != nil {
			at[path[last]] = f[joined]
		}
	}
	return deepCopy(o)
}
