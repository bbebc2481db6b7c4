package nmi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

const (
	// bypassPause is how old the newest token may be for somebody who wants none from the cache: one pod must not spend
	// the few requests that IMDS answers a node.
	bypassPause = 10 * time.Second
	// patience bounds one request to IMDS or Entra.
	patience = 30 * time.Second
)

// bearer is a token as it is kept.
type bearer struct {
	token.Token
	asked time.Time
}

// Size and Life tell share what it needs to know.
func (b bearer) Size() int                              { return b.Value.Len() }
func (b bearer) Life() (refreshOn, expiresOn time.Time) { return b.RefreshOn, b.ExpiresOn }

// obtain gets an identity's token for the errand's resource. That the pod may use the identity was seen just before.
func (s *Server) obtain(ctx context.Context, e *errand, i *aadpodidentity.Identity) (issued, error) {
	switch {
	case i.ClientID == "":
		return issued{}, fault.New(fault.Denied, subject(i), "states no client id, which would mean whatever identity the node has").
			Mend("kubectl patch azureidentity %s --namespace %s --type merge --patch '{\"spec\":{\"clientID\":\"<client id>\"}}'", i.Name, i.Namespace)
	case s.refused(i.ClientID) || s.refused(i.ResourceID):
		return issued{}, fault.New(fault.Denied, subject(i), "is of an identity that the operator of this node lets no pod use")
	}
	switch i.Type {
	case aadpodidentity.UserAssigned:
		return s.userAssigned(ctx, e, i)
	case aadpodidentity.ServicePrincipal, aadpodidentity.ServicePrincipalCertificate:
		return s.servicePrincipal(ctx, e, *i, subject(i))
	}
	return issued{}, fault.New(fault.Unsupported, subject(i), "unsupported identity type %d; there are 0, 1 and 2", i.Type)
}

func subject(i *aadpodidentity.Identity) string { return "AzureIdentity " + i.Namespace + "/" + i.Name }

// refused says whether an id is on the operator's list, by whichever of its spellings.
func (s *Server) refused(id string) bool {
	return id != "" && slices.ContainsFunc(s.Refused, func(r string) bool { return plainID(r) == plainID(id) })
}

// plainID is the same for every spelling of an id that the metadata service might take for it.
func plainID(id string) string {
	if plain, err := match.ParseResourceID(id); err == nil {
		return plain
	}
	return strings.ToLower(strings.Trim(id, "/ \t\r\n"))
}

// userAssigned asks IMDS by resource id, because that is what was assigned to the machine. The client id is only what
// somebody wrote, and decides as what the token's user is seen: it must be the identity's own.
func (s *Server) userAssigned(ctx context.Context, e *errand, i *aadpodidentity.Identity) (issued, error) {
	if i.ResourceID == "" {
		return issued{}, fault.New(fault.Denied, subject(i), "states no resource id").
			Mend("set spec.resourceID to: az identity list --query \"[?clientId=='<client id>'].id\" --output tsv")
	}
	id, err := match.ParseResourceID(i.ResourceID)
	if err != nil {
		return issued{}, fault.Wrap(err, fault.Denied, subject(i), "cannot be used")
	}
	want := share.Want{
		Grant: share.Grant{Principal: secret.Principal{
			Mode: secret.PodIdentity, Authority: IMDS, Client: strings.ToLower(i.ClientID),
			// The resource is part of it: a refusal about one resource must not erase the tokens for others.
			Evidence: id + "\n" + e.resource,
		}},
		Vault: IMDS, Name: "token " + e.resource,
	}
	grace := func() time.Time { return s.ledger.since(e.pod, *i).Add(s.Grace) }
	got, err := s.keep(ctx, e, want, grace, func(ctx context.Context) (token.Token, error) {
		began := s.Clock.Now()
		got, err := s.Tokens.Managed(ctx, token.Target{ResourceID: strings.TrimRight(strings.TrimSpace(i.ResourceID), "/"), Resource: e.resource})
		s.Meter.AskedIMDS(s.Clock.Now().Sub(began), err)
		if err != nil {
			return token.Token{}, err
		}
		return got, s.ofClient(got, i)
	})
	return issued{tokens: []bearer{got}, clientID: i.ClientID}, err
}

// ofClient holds the answer against what the AzureIdentity states.
func (s *Server) ofClient(got token.Token, i *aadpodidentity.Identity) error {
	client := got.ClientID
	if client == "" {
		holder, _ := token.HolderOf(got.Value)
		client = holder.ClientID
	}
	switch {
	case s.refused(client):
		return fault.New(fault.Denied, subject(i), "is of an identity that the operator of this node lets no pod use")
	case !strings.EqualFold(client, i.ClientID):
		return fault.New(fault.Denied, subject(i), "states client id %s, but the identity with its resource id has client id %q", fault.Shorten(i.ClientID), fault.Shorten(client)).
			Mend("set spec.clientID to: az identity show --ids '%s' --query clientId --output tsv", strings.ReplaceAll(i.ResourceID, "'", ""))
	}
	return nil
}

// keep gets a token through share. What was refused a moment ago is not asked for again; while IMDS may not know the
// identity yet, its "not found" is waited out.
//
// grace is asked for only then: it is when waiting ends.
func (s *Server) keep(ctx context.Context, e *errand, want share.Want, grace func() time.Time, fetch func(context.Context) (token.Token, error)) (bearer, error) {
	for {
		now := s.Clock.Now()
		if again, err := s.setbacks.of(want.Grant.Principal, now); err != nil {
			if !notYetKnown(err) || !again.Before(grace()) {
				return bearer{}, err
			}
			if !clock.Sleep(ctx, s.Clock, again.Sub(now)) {
				return bearer{}, fault.Wrap(err, fault.Unavailable, e.pod.String(), "gave up waiting for the metadata service to know the identity")
			}
			continue
		}
		if e.fresh {
			want.NotBefore = now.Add(-bypassPause)
		}
		got, err := share.GetToken(ctx, s.Pool, want, func(ctx context.Context) (bearer, error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			asked := s.Clock.Now()
			got, err := fetch(ctx)
			return bearer{got, asked}, err
		})
		if err == nil {
			return got.Value, nil
		}
		if !lasting(err) {
			return bearer{}, err
		}
		s.setbacks.note(want.Grant.Principal, err, s.Clock.Now(), notYetKnown(err))
		if !notYetKnown(err) || !s.Clock.Now().Before(grace()) {
			return bearer{}, err
		}
	}
}

// lasting is true of an answer that the same question would get again.
func lasting(err error) bool {
	kind := fault.KindOf(err)
	return kind.Refusal() || kind == fault.Invalid || kind == fault.Unsupported
}

// notYetKnown is true of the metadata service's answer about an identity that the machine does not have, or has only been
// given a moment ago.
func notYetKnown(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Remote.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(f.Message), "identity not found")
}
