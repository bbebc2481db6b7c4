package secretsync

import (
	"fmt"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Reasons of the events on pods, as those of the Secrets Store CSI Driver.
const (
	// ReasonFailed is a Secret that did not come to be, or is not in order, for a pod.
	ReasonFailed = "FailedToCreateSecret"
	// ReasonRotationFailed is the same for a pod whose Secret was in order before.
	ReasonRotationFailed = "SecretRotationFailed"
	// ReasonRotated is a Secret whose data was replaced, or that is in order again.
	ReasonRotated = "SecretRotationComplete"
)

// told is what a pod knows of a Secret. The zero value is nothing.
type told struct {
	failure string // see sort; empty when it is in order
	worked  bool   // it was in order once
}

// announce tells all of a claim's pods how it fared, or what is the matter with their own files.
func (s *Syncer) announce(c *claim, err error) {
	for _, w := range s.wishes(c, func(w *wish) bool { return w.met && !w.finished || err != nil && !w.met }) {
		s.mu.Lock()
		problem := w.problem
		s.mu.Unlock()
		if problem == nil {
			problem = err
		}
		s.tell(w, problem)
	}
}

// tell speaks at transitions only: when something begins to fail, fails otherwise, or works again.
func (s *Syncer) tell(w *wish, err error) {
	s.mu.Lock()
	before := w.told
	w.told = told{failure: sort(err), worked: before.worked || err == nil}
	after, pod, class := w.told, w.volume.pod, w.volume.class
	s.mu.Unlock()
	if after.failure == before.failure {
		return
	}
	about := []any{logkey.Pod, pod.String(), logkey.Class, pod.Namespace + "/" + class}
	if err == nil {
		name := pod.Namespace + "/" + w.name()
		s.Log.Info("a Kubernetes Secret is in order again", append(about, logkey.Secret, name)...)
		s.Events.Event(pod, false, ReasonRotated, fmt.Sprintf("secret %s is in order again", name))
		return
	}
	reason := ReasonFailed
	if before.worked {
		reason = ReasonRotationFailed
	}
	s.Log.Warn("a Kubernetes Secret is not in order", append(about, logkey.Kind, fault.KindOf(err).String(), logkey.Error, fault.Explain(err))...)
	s.Events.Event(pod, true, reason, fault.Explain(err))
}

// name is the Secret's, for a wish that has one.
func (w *wish) name() string {
	if w.claim == nil {
		return w.object.SecretName
	}
	return w.claim.on.name
}

// sort is what makes two failures the same to whoever reads of them. Of the API's refusals the outermost words count
// alone: what it says besides is another request's number each time.
func sort(err error) string {
	if err == nil {
		return ""
	}
	kind := fault.KindOf(err)
	if e, ok := err.(*fault.Error); ok && kind != fault.Invalid {
		return kind.String() + " " + e.Subject + " " + e.Message
	}
	return kind.String() + " " + err.Error()
}
