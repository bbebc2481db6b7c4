package kubefake

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"
)

// request is one call, taken apart.
type request struct {
	verb            string
	root, plural    string
	namespace, name string
	sub             string
	metadataOnly    bool
	steps           []any // of a JSON patch
	*http.Request
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/version" {
		answer(w, http.StatusOK, Object{"major": "1", "minor": "36", "gitVersion": "v1.36.0-fake"})
		return
	}
	q, ok := parse(r)
	if !ok {
		refuse(w, undefined())
		return
	}
	if f := s.note(q); f != nil {
		f.play(w, q)
		return
	}
	s.mu.Lock()
	k := s.find(q.root, q.plural)
	s.mu.Unlock()
	if k == nil {
		refuse(w, undefined())
		return
	}
	if list := strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList"); q.metadataOnly && list != (q.verb == "list") {
		refuse(w, status{code: http.StatusNotAcceptable, reason: "NotAcceptable", message: "metadata of objects is asked for as a list for lists, and as one for all else"})
		return
	}
	switch q.verb {
	case "watch":
		s.stream(w, q, k)
	case "list":
		s.list(w, q, k)
	default:
		s.one(w, q, k)
	}
}

// parse reads /api/v1/[namespaces/x/]plural[/name[/sub]] and the same under /apis/group/version.
func parse(r *http.Request) (request, bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	q := request{Request: r}
	depth := map[string]int{"api": 2, "apis": 3}[parts[0]]
	if depth == 0 || len(parts) <= depth {
		return q, false
	}
	q.root, parts = strings.Join(parts[:depth], "/"), parts[depth:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		q.namespace, parts = parts[1], parts[2:]
	}
	parts = append(parts, "", "")
	q.plural, q.name, q.sub = parts[0], parts[1], parts[2]
	q.verb = verb(r, q.name)
	q.metadataOnly = strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
	return q, true
}

func verb(r *http.Request, name string) string {
	switch r.Method {
	case http.MethodGet:
		if watch := r.URL.Query().Get("watch"); watch == "true" || watch == "1" {
			return "watch"
		}
		if name == "" {
			return "list"
		}
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	}
	return strings.ToLower(r.Method)
}

// one answers a call about a single object.
func (s *Server) one(w http.ResponseWriter, q request, k *kind) {
	var body Object
	if q.verb != "get" && q.ContentLength != 0 {
		var err error
		if body, err = q.read(); err != nil {
			refuse(w, badRequest("the body cannot be read"))
			return
		}
	}
	s.mu.Lock()
	o, code, failure := s.write(q, k, body)
	s.mu.Unlock()
	if failure != nil {
		refuse(w, *failure)
		return
	}
	answer(w, code, shown(q, o))
}

// read gives the body; a JSON patch, which is no object, goes into steps.
func (q *request) read() (body Object, err error) {
	raw, err := io.ReadAll(io.LimitReader(q.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if q.media() == jsonPatch {
		return nil, json.Unmarshal(raw, &q.steps)
	}
	if json.Unmarshal(raw, &body) != nil {
		if err := yaml.Unmarshal(raw, &body); err != nil { // as an apply may be, and slow to read
			return nil, err
		}
	}
	return deepCopy(body), nil
}

func (q *request) media() string {
	media, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type"))
	return media
}

func (s *Server) write(q request, k *kind, body Object) (o Object, code int, failure *status) {
	key := q.namespace + "/" + q.name
	r := k.records[key]
	if q.verb == "create" {
		return s.create(q, k, body)
	}
	media := q.media()
	if q.verb == "patch" && media == "application/apply-patch+yaml" {
		return s.apply(q, k, key, body)
	}
	if r == nil {
		return nil, 0, notFound(q, k)
	}
	switch {
	case q.verb == "get":
		return r.object, http.StatusOK, nil
	case q.verb == "delete":
		return s.delete(q, k, key, body)
	case q.verb == "update":
		return s.update(q, k, key, body)
	case q.verb == "patch" && media == "application/merge-patch+json":
		return s.update(q, k, key, merged(r.object, body, false).(Object))
	case q.verb == "patch" && media == "application/strategic-merge-patch+json" && !k.custom:
		return s.update(q, k, key, merged(r.object, body, true).(Object))
	case q.verb == "patch" && media == jsonPatch:
		o := deepCopy(r.object)
		if err := patched(o, q.steps); err != nil {
			return nil, 0, unfit(q, k, err)
		}
		return s.update(q, k, key, o)
	}
	return nil, 0, ptr(unsupported(q.verb + " " + media))
}

// shown is the object as the call wants it.
func shown(q request, o Object) Object {
	if !q.metadataOnly || o == nil || o["kind"] == "Status" {
		return o
	}
	return Object{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": o["metadata"]}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone has no use for it
}

func ptr[T any](v T) *T { return &v }
