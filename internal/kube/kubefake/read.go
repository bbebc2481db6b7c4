package kubefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// list answers with the objects the selectors match, a page of them when a limit is given.
func (s *Server) list(w http.ResponseWriter, q request, k *kind) {
	s.mu.Lock()
	version := s.version
	var items []any
	for _, o := range k.sorted() {
		if q.matches(o) {
			items = append(items, shown(q, o))
		}
	}
	s.mu.Unlock()
	m := Object{"resourceVersion": fmt.Sprint(version)}
	query := q.URL.Query()
	begin, _ := strconv.Atoi(query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	items = items[min(begin, len(items)):]
	if limit > 0 && len(items) > limit {
		items = items[:limit]
		m["continue"] = fmt.Sprint(begin + limit)
	}
	if items == nil {
		items = []any{}
	}
	o := named(k, Object{"metadata": m, "items": items})
	o["kind"] = k.name + "List"
	if q.metadataOnly {
		o["kind"], o["apiVersion"] = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	answer(w, http.StatusOK, o)
}

// stream sends what happened since a resource version, and what happens, until one of both ends leaves.
func (s *Server) stream(w http.ResponseWriter, q request, k *kind) {
	at, _ := strconv.ParseInt(q.URL.Query().Get("resourceVersion"), 10, 64)
	s.mu.Lock()
	if at > 0 && at < s.expired {
		failure := gone(at, s.expired)
		s.mu.Unlock()
		refuse(w, failure)
		return
	}
	cut := s.cut
	var first []Object
	if at == 0 {
		at = s.version
		for _, o := range k.sorted() {
			if q.matches(o) {
				first = append(first, event("ADDED", shown(q, o)))
			}
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flush := func(events []Object) {
		encoder := json.NewEncoder(w)
		for _, e := range events {
			_ = encoder.Encode(e)
		}
		_ = http.NewResponseController(w).Flush()
	}
	flush(first)
	for {
		events, next, news, end := s.since(q, k, at)
		flush(events)
		if at = next; end {
			return
		}
		select {
		case <-news:
		case <-cut:
			panic(http.ErrAbortHandler) // the connection ends in the middle, as they do
		case <-q.Context().Done():
			return
		}
	}
}

// since lists what happened after a resource version, or the end when that is no longer known.
func (s *Server) since(q request, k *kind, at int64) (events []Object, next int64, news <-chan struct{}, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < s.expired {
		return []Object{event("ERROR", gone(at, s.expired).object())}, at, s.news, true
	}
	for _, c := range s.history {
		if c.version > at && c.kind == k {
			events = append(events, q.seen(c)...)
		}
	}
	return events, s.version, s.news, false
}

// seen is a change as a watch with selectors sees it: what does not match any more is gone for it.
func (q request) seen(c change) []Object {
	was, is := c.before != nil && q.matches(c.before), c.after != nil && q.matches(c.after)
	switch {
	case is && was:
		return []Object{event("MODIFIED", shown(q, c.after))}
	case is:
		return []Object{event("ADDED", shown(q, c.after))}
	case was:
		last := c.before
		if c.after != nil {
			last = c.after
		}
		return []Object{event("DELETED", shown(q, last))}
	}
	return nil
}

func event(kind string, o Object) Object { return Object{"type": kind, "object": o} }

// matches looks at the namespace and both selectors, which may only ask for equality, or whether a label is there.
func (q request) matches(o Object) bool {
	if q.namespace != "" && text(meta(o)["namespace"]) != q.namespace {
		return false
	}
	query := q.URL.Query()
	labels, _ := meta(o)["labels"].(Object)
	return all(query.Get("fieldSelector"), func(key string) any {
		var at any = o
		for step := range strings.SplitSeq(key, ".") {
			inner, _ := at.(Object)
			at = inner[step]
		}
		return at
	}) && all(query.Get("labelSelector"), func(key string) any { return labels[key] })
}

func all(selector string, value func(key string) any) bool {
	if selector == "" {
		return true
	}
	for term := range strings.SplitSeq(selector, ",") {
		key, want, equality := strings.Cut(term, "=")
		if v := value(key); !equality && v == nil || equality && text(v) != strings.TrimPrefix(want, "=") {
			return false
		}
	}
	return true
}
