package rights

import (
	"strings"
	"time"

	"strongroom/internal/emulator/arm/wire"
)

// document is an assignment as clients read it.
type document struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Properties properties `json:"properties"`
}

type properties struct {
	RoleDefinitionID string    `json:"roleDefinitionId"`
	PrincipalID      string    `json:"principalId"`
	PrincipalType    string    `json:"principalType"`
	Scope            string    `json:"scope"`
	Description      string    `json:"description,omitempty"`
	CreatedOn        time.Time `json:"createdOn"`
	UpdatedOn        time.Time `json:"updatedOn"`
	CreatedBy        string    `json:"createdBy"`
	UpdatedBy        string    `json:"updatedBy"`
}

func documentOf(a assignment) document {
	scope := "/" + strings.Trim(a.Scope, "/")
	created := a.created.UTC()
	return document{
		ID: strings.TrimRight(scope, "/") + "/providers/" + Namespace + "/roleAssignments/" + a.name, Name: a.name, Type: Namespace + "/roleAssignments",
		Properties: properties{
			RoleDefinitionID: definitionID(wire.ParsePath(scope).Subscription, a.Role), PrincipalID: a.ObjectID, PrincipalType: a.principalType,
			Scope: scope, Description: a.description, CreatedOn: created, UpdatedOn: created, CreatedBy: a.createdBy, UpdatedBy: a.createdBy,
		},
	}
}
