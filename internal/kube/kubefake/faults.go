package kubefake

import (
	"fmt"
	"net/http"
	"slices"
)

// ServiceAccount is who every caller is, in the words of a refusal.
const ServiceAccount = "system:serviceaccount:kube-system:secrets-store-csi-driver"

// Call is one request that came: its verb as RBAC has it, and what it was about.
type Call struct{ Verb, Resource, Namespace, Name string }

// Fault makes requests fail. Empty fields match everything.
type Fault struct {
	Verb, Resource string
	// Times is how many requests fail; 0 is all until Heal.
	Times int
	// Status is the HTTP status: 403 is told as RBAC does, 409 as a conflict, others in their own few words.
	Status int
	// RetryAfter is told along, in seconds; 0 is not.
	RetryAfter int
	// Message replaces the usual words; empty keeps them.
	Message string
	// Hang gives no answer until the client leaves.
	Hang bool
}

// Fail adds a fault. The first that matches is played.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Deny refuses a verb on a resource as RBAC does.
func (s *Server) Deny(verb, resource string) {
	s.Fail(Fault{Verb: verb, Resource: resource, Status: http.StatusForbidden})
}

// Heal takes all faults back.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Expire forgets the history: watches end with 410, and none can continue from before.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.expired, s.history = s.version, nil
	s.announce()
}

// announce wakes whoever waits for something to change. The caller holds the lock.
func (s *Server) announce() {
	close(s.news)
	s.news = make(chan struct{})
}

// Disconnect ends all watches in the middle. They can continue where they were.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

// Undefine takes a kind away with all its objects, as if its definition had never been there.
func (s *Server) Undefine(plural string) {
	s.Disconnect()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds = slices.DeleteFunc(s.kinds, func(k *kind) bool { return k.plural == plural })
}

// define serves what a definition that was just written defines, and says so in its status.
func (s *Server) define(k *kind, before, after Object) {
	if k.name != "CustomResourceDefinition" || after == nil {
		return
	}
	spec, _ := after["spec"].(Object)
	names, _ := spec["names"].(Object)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(Object)
		subresources, _ := version["subresources"].(Object)
		root := fmt.Sprintf("apis/%v/%v", spec["group"], version["name"])
		if s.find(root, text(names["plural"])) == nil {
			s.serve(kind{root: root, plural: text(names["plural"]), name: text(names["kind"]), custom: true, hasStatus: subresources["status"] != nil})
		}
	}
	after["status"] = Object{"conditions": []any{Object{"type": "Established", "status": "True"}}}
}

// Calls lists the requests since the start or ForgetCalls, in the order they came.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ForgetCalls begins to count anew.
func (s *Server) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Count is how many requests there were of a verb and a resource; an empty one counts all.
func (s *Server) Count(verb, resource string) (n int) {
	for _, c := range s.Calls() {
		if (verb == "" || verb == c.Verb) && (resource == "" || resource == c.Resource) {
			n++
		}
	}
	return n
}

// Writes is how many requests there were that could change something.
func (s *Server) Writes() int {
	return s.Count("create", "") + s.Count("update", "") + s.Count("patch", "") + s.Count("delete", "")
}

// note counts a request and gives the fault to play for it.
func (s *Server) note(q request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{q.verb, q.plural, q.namespace, q.name})
	s.announce()
	for i, f := range s.faults {
		if f.Verb != "" && f.Verb != q.verb || f.Resource != "" && f.Resource != q.plural {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		played := *f
		f.Times = max(f.Times-1, 0)
		return &played
	}
	return nil
}

func (f *Fault) play(w http.ResponseWriter, q request) {
	if f.Hang {
		<-q.Context().Done()
		return
	}
	k := &kind{root: q.root, plural: q.plural}
	var s status
	switch f.Status {
	case http.StatusForbidden:
		s = forbidden(q, k)
	case http.StatusConflict:
		s = *conflict(q, k, "the object has been modified; please apply your changes to the latest version and try again")
	default:
		s = status{code: f.Status, reason: http.StatusText(f.Status), message: "the server answers " + http.StatusText(f.Status)}
	}
	if f.Message != "" {
		s.message = f.Message
	}
	s.retryAfter = f.RetryAfter
	refuse(w, s)
}

func forbidden(q request, k *kind) status {
	subject, where := k.qualified(), " at the cluster scope"
	if q.name != "" {
		subject += fmt.Sprintf(" %q", q.name)
	}
	if q.namespace != "" {
		where = fmt.Sprintf(" in the namespace %q", q.namespace)
	}
	resource := q.plural
	if q.sub != "" {
		resource += "/" + q.sub
	}
	return status{
		code: http.StatusForbidden, reason: "Forbidden", details: about(q, k),
		message: fmt.Sprintf("%s is forbidden: User %q cannot %s resource %q in API group %q%s", subject, ServiceAccount, q.verb, resource, group(k.root), where),
	}
}
