package nmi

import (
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
	"strongroom/internal/telemetry/logkey"
)

// Handler answers pods and the node's own programs.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.handle) }

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w)
	switch classify(r.RequestURI) {
	case malformed:
		plainly(w, r, "Invalid request", http.StatusBadRequest)
	case absent:
		plainly(w, r, "Not found", http.StatusNotFound)
	case podToken:
		s.measured(w, r, TokenOperation, s.forPod)
	case hostToken:
		s.measured(w, r, HostOperation, s.forHost)
	case metadata:
		if !s.AllowInstanceMetadata {
			plainly(w, r, "Request blocked by AAD Pod Identity NMI", http.StatusForbidden)
			return
		}
		s.proxy(w, r)
	case elsewhere:
		s.proxy(w, r)
	}
}

func plainly(w http.ResponseWriter, r *http.Request, text string, code int) {
	drop(w, r)
	http.Error(w, text, code)
}

// recover answers a defect with 500 and tells where it is. What panicked is told by type only, for it may hold anything.
func (s *Server) recover(w http.ResponseWriter) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler:
		panic(p)
	default:
		s.Log.Error("a request met a defect of this program", logkey.Panic, kindOf(p), logkey.Stack, string(debug.Stack()))
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// proxy passes on what is nobody's token. Where it comes from does not matter: the node's metadata is the same for all.
func (s *Server) proxy(w http.ResponseWriter, r *http.Request) {
	if !s.headed(r) {
		withoutHeader(w, r)
		return
	}
	from, _ := addressOf(r) // an address that cannot be read counts like any other
	if !s.atOnce.Take(asker{from: from}) {
		tooMany(from.String()).write(w)
		return
	}
	defer s.atOnce.Give(asker{from: from})
	if no := s.pass(w, r); no != nil {
		no.write(w)
	}
}

// headed is false for a request that lacks the header by which a client shows that it knows whom it asks.
func (s *Server) headed(r *http.Request) bool {
	return s.WithoutHeader || r.Header.Get("Metadata") == "true"
}

// measured answers by f, and tells metrics and log what came of it.
func (s *Server) measured(w http.ResponseWriter, r *http.Request, operation string, f func(http.ResponseWriter, *http.Request, errand) (Pod, error)) {
	began := s.Clock.Now()
	watched := &status{ResponseWriter: w, code: http.StatusOK}
	e := read(r.URL.RawQuery)
	pod, err := f(watched, r, e)
	s.Meter.Answered(operation, pod.Namespace, e.resource, watched.code, s.Clock.Now().Sub(began))
	if err == nil || r.Context().Err() != nil {
		return
	}
	who := pod.String()
	if pod.Name == "" {
		who = r.RemoteAddr
		if from, known := addressOf(r); known {
			who = from.String()
		}
	}
	if s.told.first(who+" "+strconv.Itoa(watched.code), s.Clock.Now()) {
		s.Log.Warn("a pod got no token", logkey.Pod, who, logkey.Address, r.RemoteAddr, logkey.Code, watched.code, logkey.Error, fault.Explain(err))
	}
}

// status remembers what was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets the server's own writer be found.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// forPod answers a pod that asks for itself.
func (s *Server) forPod(w http.ResponseWriter, r *http.Request, e errand) (Pod, error) {
	if !s.headed(r) {
		withoutHeader(w, r)
		return Pod{}, nil
	}
	from, known := addressOf(r)
	if !known {
		http.Error(w, "request remote address is empty", http.StatusInternalServerError)
		return Pod{}, fault.New(fault.Internal, "request", "comes from no address that can be read")
	}
	if !s.atOnce.Take(asker{from: from}) {
		no := tooMany(from.String())
		no.write(w)
		return Pod{}, no.err
	}
	defer s.atOnce.Give(asker{from: from})
	pod, excepted, no := s.caller(r, e, from)
	if no == nil && excepted {
		no = s.pass(w, r)
		return pod, no.cause()
	}
	drop(w, r)
	var got issued
	if no == nil {
		e.pod, e.from = pod, from
		if no = e.usable(); no == nil {
			got, no = s.run(r.Context(), e)
		}
	}
	if no != nil {
		no.write(w)
		return pod, no.err
	}
	got.writeTokens(w, e.resource, s.Clock.Now())
	return pod, nil
}

// caller is the pod that asks, and whether it goes past pod identity.
func (s *Server) caller(r *http.Request, e errand, from netip.Addr) (pod Pod, excepted bool, no *refusal) {
	if e.resource == "" {
		return Pod{}, false, withoutResource()
	}
	if no = s.settled(r.Context()); no != nil {
		return Pod{}, false, no
	}
	if pod, no = s.podAt(r.Context(), from); no != nil || s.Exceptions == nil {
		return pod, false, no
	}
	return pod, match.Excepted(pod.Namespace, pod.Labels, s.Exceptions.Exceptions()), nil
}

// forHost answers a program of the node that asks in a pod's name. Exceptions do not matter here: what they pass on is a
// pod's own request.
func (s *Server) forHost(w http.ResponseWriter, r *http.Request, e errand) (Pod, error) {
	drop(w, r)
	pod, no := s.meantByHost(r, e)
	e.pod = pod
	var got issued
	if no == nil {
		key := asker{pod: pod.String()}
		if !s.atOnce.Take(key) {
			no = tooMany(pod.String())
		} else {
			defer s.atOnce.Give(key)
			got, no = s.run(r.Context(), e)
		}
	}
	if no != nil {
		no.write(w)
		return pod, no.err
	}
	got.writeHosted(w, e.resource, s.Clock.Now())
	return pod, nil
}

// meantByHost is the pod that a program of the node names in its headers.
func (s *Server) meantByHost(r *http.Request, e errand) (Pod, *refusal) {
	namespace, name := r.Header.Get("podns"), r.Header.Get("podname")
	from, known := addressOf(r)
	switch {
	case namespace == "" || name == "":
		return Pod{}, badRequest("missing 'podname' and 'podns' from request header")
	case !known || !fromHost(from):
		return Pod{}, refuse(http.StatusForbidden, &fault.Error{Kind: fault.Denied, Message: "request remote address is not from a host"})
	case e.resource == "":
		return Pod{}, withoutResource()
	}
	if no := e.usable(); no != nil {
		return Pod{}, no
	}
	if no := s.settled(r.Context()); no != nil {
		return Pod{}, no
	}
	return s.podNamed(r.Context(), namespace, name)
}

// usable refuses what is no resource or id that Azure could know, and does not belong into a message or a cache.
func (e errand) usable() *refusal {
	const longest = 2048
	for _, v := range []string{e.resource, e.ask.ClientID, e.ask.ResourceID, e.ask.ObjectID} {
		if len(v) > longest || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return badRequest("a parameter is too long or holds other than printable ASCII")
		}
	}
	return nil
}

func withoutResource() *refusal { return badRequest("parameter resource cannot be empty") }

func tooMany(who string) *refusal {
	return &refusal{status: http.StatusTooManyRequests, again: time.Second, err: fault.New(fault.Throttled, who, "has too many requests under way")}
}

// cause is the refusal's error, nil when there is none.
func (r *refusal) cause() error {
	if r == nil {
		return nil
	}
	return r.err
}
