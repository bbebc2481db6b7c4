package kubefake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Put makes the objects of a manifest, YAML of one document or several, what the server has, as somebody else's write:
// no call is counted. An object with another UID than the one that stands takes its place, which is a deletion and a
// creation. It panics at a manifest that is none, like httptest does without a port.
func (s *Server) Put(manifest string) {
	decoder := yaml.NewDecoder(strings.NewReader(manifest))
	for {
		var o Object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic("kubefake: " + err.Error())
		}
		s.put(deepCopy(o))
	}
}

func (s *Server) put(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.named(o)
	if k == nil {
		panic(fmt.Sprintf("kubefake: no kind %v %v is served", o["apiVersion"], o["kind"]))
	}
	key := keyOf(o)
	r := k.records[key]
	uid := text(meta(o)["uid"])
	if r != nil && (uid == "" || uid == text(meta(r.object)["uid"])) {
		inherit(k, o, r.object)
		s.commit(k, key, o, r.applied)
		return
	}
	if r != nil {
		s.commit(k, key, nil, nil)
	}
	begin(k, o)
	s.commit(k, key, o, nil)
}

// Await returns once ok is true, which it asks again whenever something changed or was asked, and false when ctx ends
// before.
func (s *Server) Await(ctx context.Context, ok func() bool) bool {
	for {
		s.mu.Lock()
		news := s.news
		s.mu.Unlock()
		if ok() {
			return true
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false
		}
	}
}

// Get gives an object by its kind's plural, "pods", and its names; the namespace is empty outside of namespaces.
func (s *Server) Get(plural, namespace, name string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.plural(plural).records[namespace+"/"+name]
	if r == nil {
		return nil, false
	}
	return r.object, true
}

// List gives all objects of a kind, by namespace and name.
func (s *Server) List(plural string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plural(plural).sorted()
}

// Delete takes an object away as somebody else would, and says whether there was one. One with finalizers stays, marked,
// until they are off.
func (s *Server) Delete(plural, namespace, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.plural(plural)
	if k.records[namespace+"/"+name] == nil {
		return false
	}
	s.end(k, namespace+"/"+name)
	return true
}

// Collect deletes every object that has owners of which none exists any more, as a cluster's garbage collector does,
// and those that live by them in turn. It gives how many went.
func (s *Server) Collect() (gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		k, key := s.orphan()
		if k == nil {
			return gone
		}
		s.commit(k, key, nil, nil)
		gone++
	}
}

func (s *Server) orphan() (*kind, string) {
	alive := map[string]bool{}
	for _, k := range s.kinds {
		for _, r := range k.records {
			alive[text(meta(r.object)["uid"])] = true
		}
	}
	for _, k := range s.kinds {
		for key, r := range k.records {
			owners, _ := meta(r.object)["ownerReferences"].([]any)
			orphaned := len(owners) > 0
			for _, owner := range owners {
				o, _ := owner.(Object)
				orphaned = orphaned && !alive[text(o["uid"])]
			}
			if orphaned {
				return k, key
			}
		}
	}
	return nil, ""
}

// begin gives a new object what the server gives it.
func begin(k *kind, o Object) {
	m := meta(o)
	if text(m["uid"]) == "" {
		m["uid"] = newUID()
	}
	m["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	m["generation"] = int64(1)
	if k.name == "Secret" && o["type"] == nil {
		o["type"] = "Opaque"
	}
}

// inherit gives an object's successor what no writer changes, and counts the generation up when the spec differs.
func inherit(k *kind, o, before Object) {
	m, b := meta(o), meta(before)
	m["uid"], m["creationTimestamp"] = b["uid"], b["creationTimestamp"]
	for _, field := range []string{"deletionTimestamp", "deletionGracePeriodSeconds"} {
		if b[field] != nil {
			m[field] = b[field]
		}
	}
	generation := number(b["generation"])
	if k.custom && !same(o["spec"], before["spec"]) {
		generation++
	}
	m["generation"] = generation
}

// meta is an object's metadata, made if there is none.
func meta(o Object) Object {
	m, _ := o["metadata"].(Object)
	if m == nil {
		m = Object{}
		o["metadata"] = m
	}
	return m
}

func keyOf(o Object) string { return text(meta(o)["namespace"]) + "/" + text(meta(o)["name"]) }

func text(v any) string {
	t, _ := v.(string)
	return t
}

func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// deepCopy also brings every value to the forms JSON has.
func deepCopy(o Object) Object {
	raw, err := json.Marshal(o)
	if err != nil {
		panic("kubefake: " + err.Error())
	}
	var c Object
	if err := json.Unmarshal(raw, &c); err != nil {
		panic("kubefake: " + err.Error())
	}
	return c
}

// same compares as JSON, whose maps are written in order.
func same(a, b any) bool {
	one, _ := json.Marshal(a)
	two, _ := json.Marshal(b)
	return bytes.Equal(one, two)
}
