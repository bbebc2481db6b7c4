package azure

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// response folds the results into the answer: all files in the order of the objects, or one error for all that failed.
func (m *mount) response(results []result) (provider.Response, error) {
	response := provider.Response{Report: m.report(), Files: []secret.File{}}
	var failed []result
	for _, r := range results {
		response.Report.Objects = append(response.Report.Objects, outcomeOf(r, m.began))
		switch {
		case r.err == nil:
			response.Files = append(response.Files, r.files...)
			response.Versions = append(response.Versions, r.versions...)
			response.Report.Age = max(response.Report.Age, since(r.passing, m.began))
		case optional(r):
			// reported as missing; without a version, which tells the drivers that the object was looked at
			response.Versions = append(response.Versions, secret.Version{ID: string(r.object.Kind) + "/" + r.object.Name})
		default:
			failed = append(failed, r)
		}
	}
	if len(failed) > 0 {
		return provider.Response{Report: response.Report}, m.explain(failed)
	}
	return response, nil
}

// optional says whether a mount may go on without this object: it was declared optional, and the vault answered that
// there is no such thing or that this identity may not read it. What could not be asked is not missing, and neither is
// what a firewall or a refused token stands before: that would take the files of a mounted volume away for a mistake
// that has nothing to do with the object.
func optional(r result) bool {
	var e *fault.Error
	if !r.object.Optional || !errors.As(r.err, &e) {
		return false
	}
	switch e.Remote.Status {
	case http.StatusNotFound:
		return true
	case http.StatusForbidden:
		return !strings.Contains(e.Remote.Code, "ForbiddenByFirewall") && !strings.Contains(e.Remote.Code, "ForbiddenByConnection")
	default:
		return e.Kind == fault.NotFound && e.Remote.Status == 0 // a version that is not in the history
	}
}

// since is how long ago asked was; 0 when it is not known.
func since(asked, now time.Time) time.Duration {
	if asked.IsZero() {
		return 0
	}
	return max(now.Sub(asked), 0)
}

func outcomeOf(r result, now time.Time) provider.Outcome {
	outcome := provider.Outcome{Object: r.object.Object.String(), State: provider.Fresh, Age: since(r.askedAt, now)}
	for _, file := range r.files {
		outcome.Files = append(outcome.Files, file.Path)
	}
	if len(r.versions) > 0 {
		outcome.Version = r.versions[0].Version
	}
	outcome.Notes = r.notes
	switch {
	case r.err != nil && optional(r):
		outcome.State, outcome.Files = provider.Missing, nil
	case r.err != nil:
		outcome.State, outcome.Files = provider.Failed, nil
	case r.stale:
		outcome.State = provider.Stale
	}
	if r.err != nil {
		outcome.Error, outcome.Kind = r.err.Error(), fault.KindOf(r.err).String()
		outcome.Remedy = strings.Join(fault.Remedies(r.err), " ; ")
	}
	return outcome
}

func (m *mount) report() provider.Report {
	report := m.plan.report()
	report.Identity = m.identity()
	report.Notes = m.plan.Notes
	report.Calls = provider.Calls{
		Token:  int(m.tokenCalls.Load()),
		Vault:  int(m.vaultCalls.Load()),
		Shared: int(m.shared.Load()),
	}
	return report
}

// identity is who Azure sees, in words: the principal, and what the access token says of it.
func (m *mount) identity() string {
	principal := m.grant.Principal
	if principal.Mode == "" {
		principal.Mode, principal.Client = m.plan.Identity.Mode, m.plan.client()
	}
	text := principal.String()
	if oid := m.objectID(); oid != "" {
		text += ", object id " + oid
	}
	return text
}

// objectID reads who the access token is for. It is for messages only, so the signature does not matter, and a token
// that does not parse says nothing.
func (m *mount) objectID() string {
	m.tokenLock.Lock()
	defer m.tokenLock.Unlock()
	var claims struct {
		ObjectID string `json:"oid"`
	}
	parts := strings.Split(string(m.token.Value.Reveal()), ".")
	if len(parts) != 3 {
		return ""
	}
	if body, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(body, &claims)
	}
	return claims.ObjectID
}

// mostTold bounds how many failed objects one line names: the rest are counted.
const mostTold = 20

// explain is the one line a person gets: every failed object, whom Azure saw, and what would mend it.
func (m *mount) explain(failed []result) error {
	var list fault.List
	for i, r := range failed {
		if i == mostTold {
			list = append(list, fault.New(fault.KindOf(r.err), "", "and %d more objects", len(failed)-mostTold))
			break
		}
		list = append(list, fault.Wrap(r.err, fault.KindOf(r.err), "", "%s", m.told(r)))
	}
	return fault.Wrap(list.AsError(), list.Kind(), "", "vault %s as %s", m.plan.url, m.identity())
}

// told keeps the words that people's alerts match on.
func (m *mount) told(r result) string {
	if r.object.Name == "" {
		return "failed to get a token"
	}
	return fmt.Sprintf("failed to get objectType:%s, objectName:%s, objectVersion:%s", r.object.Kind, r.object.Name, r.object.Version)
}
