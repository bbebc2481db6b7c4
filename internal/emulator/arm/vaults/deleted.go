package vaults

import (
	"net/http"
	"strings"
	"time"

	"strongroom/internal/emulator/arm/wire"
)

type deletedBody struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Properties deletedProperties `json:"properties"`
}

type deletedProperties struct {
	VaultID         string            `json:"vaultId"`
	Location        string            `json:"location"`
	Tags            map[string]string `json:"tags,omitempty"`
	DeletionDate    time.Time         `json:"deletionDate"`
	PurgeDate       time.Time         `json:"scheduledPurgeDate"`
	PurgeProtection bool              `json:"purgeProtectionEnabled,omitempty"`
}

func (e *entry) deletedDocument() deletedBody {
	r := e.resource()
	return deletedBody{
		ID:   "/subscriptions/" + wire.ParsePath(e.ResourceID).Subscription + "/providers/" + Namespace + "/locations/" + r.Location + "/deletedVaults/" + e.Name,
		Name: e.Name, Type: Namespace + "/deletedVaults",
		Properties: deletedProperties{
			VaultID: e.ResourceID, Location: r.Location, Tags: e.Tags, DeletionDate: e.deleted.UTC(),
			PurgeDate: e.deleted.Add(e.retention()).UTC(), PurgeProtection: e.PurgeProtection,
		},
	}
}

func (s *Server) listDeleted(q wire.Request) *wire.Answer {
	list := []deletedBody{}
	for _, e := range s.list {
		if !e.deleted.IsZero() && wire.Covers(q.Path.Scope, e.ResourceID) {
			list = append(list, e.deletedDocument())
		}
	}
	return wire.List(list)
}

// gone finds the deleted vault that a path names.
func (s *Server) gone(q wire.Request) (*entry, *wire.Answer) {
	e := s.namedLocked(q.Path.At(3))
	if e == nil || e.deleted.IsZero() || !wire.Covers(q.Path.Scope, e.ResourceID) || !strings.EqualFold(e.resource().Location, q.Path.At(1)) {
		return nil, wire.NotFound("DeletedVaultNotFound", "The specified deleted vault '%s' does not exist.", q.Path.At(3))
	}
	return e, nil
}

func (s *Server) oneDeleted(q wire.Request) *wire.Answer {
	e, no := s.gone(q)
	if no != nil {
		return no
	}
	return wire.OK(e.deletedDocument())
}

// purge throws a deleted vault away, with what it held.
func (s *Server) purge(q wire.Request) *wire.Answer {
	e, no := s.gone(q)
	if no != nil {
		return no
	}
	if e.PurgeProtection {
		return wire.Refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
	}
	e.deleted = q.Now.Add(-e.retention())
	s.expire(q.Now)
	return wire.Gone(true)
}

// available tells whether a name could be given to a new vault.
func (s *Server) available(q wire.Request) *wire.Answer {
	var want struct {
		Name string `json:"name"`
	}
	if no := q.Read(&want); no != nil {
		return no
	}
	switch taken := s.namedLocked(want.Name); {
	case !nameForm.MatchString(want.Name):
		return wire.OK(map[string]any{"nameAvailable": false, "reason": "AccountNameInvalid", "message": "The vault name '" + want.Name + "' is invalid."})
	case taken != nil:
		return wire.OK(map[string]any{"nameAvailable": false, "reason": "AlreadyExists", "message": "The vault name '" + want.Name + "' is already in use."})
	}
	return wire.OK(map[string]any{"nameAvailable": true})
}
