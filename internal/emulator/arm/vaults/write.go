package vaults

import (
	"net/http"
	"strings"
	"time"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/form"
)

var nameForm = form.New(`^[a-zA-Z]([a-zA-Z0-9-]{1,22})[a-zA-Z0-9]$`)

// given is the body of a PUT or PATCH.
type given struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties *properties       `json:"properties"`
}

// put makes a vault, has a deleted one back, or replaces everything there is to say of one, its policies among it: that is
// how command lines change a single policy.
func (s *Server) put(q wire.Request, have *entry) *wire.Answer {
	var want given
	if no := q.Read(&want); no != nil {
		return no
	}
	name := q.Path.At(1)
	taken := s.namedLocked(name)
	switch {
	case want.Properties == nil:
		return wire.BadContent("Required property 'properties' not found in JSON")
	case want.Properties.CreateMode == "recover" && taken != nil && !taken.deleted.IsZero():
		return s.recover(q, taken)
	case !nameForm.MatchString(name):
		return wire.Refuse(http.StatusBadRequest, "VaultNameNotValid", "The vault name '%s' is invalid. A vault's name must be between 3-24 alphanumeric characters. "+
			"The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.", name)
	case taken != nil && !taken.deleted.IsZero():
		return wire.Refuse(http.StatusConflict, "ConflictError", "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault.")
	case taken != nil && have == nil:
		return wire.Refuse(http.StatusConflict, "VaultAlreadyExists", "The vault name '%s' is already in use. Vault names are globally unique so it is possible that the name is already taken.", name)
	case have == nil && want.Location == "":
		return wire.Refuse(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	case want.Properties.TenantID == "" || want.Properties.SKU == nil:
		return wire.Refuse(http.StatusBadRequest, "BadRequest", "The properties tenantId and sku are required.")
	}
	next := Vault{ResourceID: q.Path.InGroup(vaultType, name), Name: name, Location: want.Location, Tags: want.Tags}
	if have != nil {
		next.ResourceID, next.Name, next.Location = have.ResourceID, have.Name, have.Location
		next.PurgeProtection, next.RetentionDays = have.PurgeProtection, have.RetentionDays // neither can be taken back
	}
	return s.accept(q, have, want.Properties.onto(next), want.Properties)
}

// patch changes what it names and nothing else.
func (s *Server) patch(q wire.Request, have *entry) *wire.Answer {
	var want given
	if no := q.Read(&want); no != nil {
		return no
	}
	next := have.Vault
	if want.Tags != nil {
		next.Tags = want.Tags
	}
	if want.Properties == nil {
		want.Properties = &properties{}
	}
	return s.accept(q, have, want.Properties.onto(next), want.Properties)
}

// accept checks a vault as it is to be, and then it is so, there and here.
func (s *Server) accept(q wire.Request, have *entry, next Vault, want *properties) *wire.Answer {
	if no := s.objection(have, next, want); no != nil {
		return no
	}
	if s.config.Plane == nil {
		return wire.Refuse(http.StatusBadRequest, "NotPlayed", "There is nothing here to hold what would be in the vault.")
	}
	if err := s.config.Plane.Put(next); err != nil {
		return wire.Refuse(http.StatusBadRequest, "BadRequest", "The vault '%s' is not valid: %v.", next.Name, err)
	}
	isNew := have == nil
	if isNew {
		have = &entry{made: q.Now}
		s.list = append(s.list, have)
	}
	have.Vault = next
	return wire.Created(isNew, s.document(q, have))
}

func (s *Server) objection(have *entry, next Vault, want *properties) *wire.Answer {
	bad := func(format string, args ...any) *wire.Answer {
		return wire.Refuse(http.StatusBadRequest, "BadRequest", format, args...)
	}
	known := false
	for _, t := range s.config.Directory.Tenants() {
		known = known || strings.EqualFold(t.ID, next.TenantID)
	}
	switch {
	case !known:
		return bad("The tenant '%s' could not be found.", next.TenantID)
	case next.RetentionDays != 0 && (next.RetentionDays < 7 || next.RetentionDays > 90):
		return bad("The property \"softDeleteRetentionInDays\" must be between 7 and 90.")
	case want.SoftDelete != nil && !*want.SoftDelete:
		return bad("The property \"enableSoftDelete\" can be set to false only for creating new vault. Enabling the 'soft delete' functionality is an irreversible action.")
	case have != nil && have.PurgeProtection && !next.PurgeProtection:
		return bad("The property \"enablePurgeProtection\" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.")
	}
	return badPolicies(next.Policies)
}

func badPolicies(list []Policy) *wire.Answer {
	for _, p := range list {
		if p.ObjectID == "" || p.TenantID == "" {
			return wire.Refuse(http.StatusBadRequest, "BadRequest", "An access policy needs objectId and tenantId.")
		}
		if one := p.Permissions.unknown(); one != "" {
			return wire.Refuse(http.StatusBadRequest, "BadRequest", "An invalid value was provided for 'accessPolicies': there is no permission '%s'.", one)
		}
	}
	return nil
}

// recover has a deleted vault back as it was.
func (s *Server) recover(q wire.Request, e *entry) *wire.Answer {
	if !strings.EqualFold(e.ResourceID, q.Path.InGroup(vaultType, e.Name)) {
		return wire.NotFound("ResourceNotFound", "There is no deleted vault '%s' that was at this place.", e.Name)
	}
	if err := s.config.Plane.Put(e.Vault); err != nil {
		return wire.Refuse(http.StatusConflict, "Conflict", "The vault '%s' cannot be had back: %v.", e.Name, err)
	}
	e.deleted = time.Time{}
	return wire.OK(s.document(q, e))
}
