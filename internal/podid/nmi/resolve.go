package nmi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// errand is one request for a token, once it is known whose it is.
type errand struct {
	pod      Pod
	from     netip.Addr // where the pod asks from; the zero value where the node's programs ask for it
	ask      match.Ask
	resource string
	fresh    bool // bypass_cache
}

// run answers an errand. It looks at what stands for the pod, and again at every change of it, until there is a token,
// until it is known that there will be none, or until waiting is over.
func (s *Server) run(ctx context.Context, e errand) (issued, *refusal) {
	if label(e.pod) == "" {
		return issued{}, refuse(http.StatusNotFound, fault.New(fault.NotFound, e.pod.String(), "the pod has no label %s", aadpodidentity.LabelBinding).
			Mend("give the pod the label %s with the selector of an AzureIdentityBinding as its value: kubectl get azureidentitybindings --all-namespaces", aadpodidentity.LabelBinding))
	}
	if got, known, no := s.atHand(ctx, e); known {
		return got, no
	}
	began := s.Clock.Now()
	for {
		rung, leave := s.bell.listen(podKey(e.pod.Namespace, e.pod.Name))
		got, left, no := s.attempt(ctx, &e, began)
		if left > 0 {
			s.wait(ctx, left, rung)
		}
		leave()
		switch {
		case no != nil || left <= 0:
			return got, no
		case ctx.Err() != nil:
			return issued{}, later(fault.Wrap(ctx.Err(), fault.Unavailable, e.pod.String(), "gave up waiting for an identity"), time.Second)
		}
	}
}

// atHand answers an errand for which nothing has to be waited: most of them. The pod was looked up a moment ago, and what
// is missing or coming does not matter to one whose identity is there. Without an answer, known is false.
func (s *Server) atHand(ctx context.Context, e errand) (got issued, known bool, no *refusal) {
	if e.ask.ByObject() {
		return issued{}, false, nil
	}
	chosen := match.Choose(s.usable(e.pod), e.ask)
	if len(chosen) == 0 {
		return issued{}, false, nil
	}
	got, err := s.given(ctx, &e, &chosen[0])
	if err != nil {
		return issued{}, true, withoutToken(err)
	}
	return got, true, nil
}

// attempt tries with what stands now. Without a token and without a refusal, left is how long to wait for a change.
func (s *Server) attempt(ctx context.Context, e *errand, began time.Time) (got issued, left time.Duration, no *refusal) {
	if err := s.stillThere(e); err != nil {
		return issued{}, 0, withoutToken(err)
	}
	v := s.look(e.pod)
	var failed error
	chosen := match.Choose(v.usable, e.ask)
	for n := range chosen {
		got, err := s.given(ctx, e, &chosen[n])
		switch {
		case !e.ask.ByObject() && err != nil:
			return issued{}, 0, withoutToken(err)
		case !e.ask.ByObject():
			return got, 0, nil
		case err != nil:
			failed = err // it may have been the one, or another is
		case heldBy(got, e.ask.ObjectID):
			return got, 0, nil
		}
	}
	if failed != nil && len(v.coming) == 0 {
		return issued{}, 0, withoutToken(failed)
	}
	left, no = s.verdict(e, v, began)
	return issued{}, left, no
}

// heldBy is true when the token says that it is for this object id.
func heldBy(got issued, objectID string) bool {
	holder, readable := token.HolderOf(got.tokens[0].Value)
	return readable && strings.EqualFold(holder.ObjectID, objectID)
}

// verdict is for a pod that has nothing that fits: refuse, or wait for how long. What is missing is only called so once
// the pod is old enough for what was created with it to have been seen.
func (s *Server) verdict(e *errand, v view, began time.Time) (left time.Duration, no *refusal) {
	now := s.Clock.Now()
	waited := now.Sub(began)
	no = v.missing
	if no == nil {
		no = foreign(e, v)
	}
	if no != nil {
		young := min(s.Settle-now.Sub(e.pod.Created), s.Settle-waited)
		if young > 0 {
			return young, nil
		}
		return 0, no
	}
	bound := s.Retry.underWay()
	if len(v.coming) == 0 {
		bound = s.Retry.unknown()
	}
	if waited < bound {
		return bound - waited, nil
	}
	return 0, s.notYet(e, v)
}

// foreign is the refusal of a name that is none of the pod's identities', come or coming. It lists what the pod may name.
func foreign(e *errand, v view) *refusal {
	known := append(append([]aadpodidentity.Identity(nil), v.usable...), v.coming...)
	switch {
	case len(known) == 0, !e.ask.Named():
		return nil
	case e.ask.ByObject() && len(v.coming) > 0:
		return nil // one of them may be it
	case !e.ask.ByObject() && len(match.Choose(known, e.ask)) > 0:
		return nil
	}
	return refuse(http.StatusNotFound, fault.New(fault.NotFound, e.pod.String(), "no azure identity of this pod has the %s; it may use %s",
		fault.Shorten(e.ask.String()), listed(known)))
}

// notYet is the end of waiting. Its first words are those that people of the original look for. A pod of which nothing
// is known gets 404, since it may well be for good; one whose assignment is under way is asked to come back.
func (s *Server) notYet(e *errand, v view) *refusal {
	const text = "getting assigned identities for pod %s in %s state failed after %d attempts, retry duration [%d]s, error: %s"
	interval := int(s.Retry.Interval.Seconds())
	if len(v.coming) > 0 {
		err := fault.New(fault.Unavailable, "", text, e.pod, "ASSIGNED", s.Retry.Created+s.Retry.Assigned, interval,
			"AzureIdentity "+listed(v.coming)+" is not assigned to the node's machine yet")
		return later(err.Mend("see what MIC waits for: kubectl describe azureidentities --all-namespaces, and the logs of MIC's leader"), comeBack)
	}
	err := fault.New(fault.NotFound, "", text, e.pod, "CREATED", s.Retry.Created, interval,
		"there is no AzureAssignedIdentity for the pod").
		Mend("compare the pod's label %s=%s with the selectors, and the bindings with the identities they name: kubectl get azureidentitybindings,azureidentities,azureassignedidentities --all-namespaces; the logs of MIC's leader say why it assigns nothing",
			aadpodidentity.LabelBinding, label(e.pod))
	if s.EarlyRetryAfter {
		return later(err, comeBack)
	}
	return refuse(http.StatusNotFound, err)
}
