package rights

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

const servicePrincipal = "ServicePrincipal"

// assignments answers for the list at a scope, or for one by its name.
func (r *Rights) assignments(q wire.Request) *wire.Answer {
	verb, known := map[string]string{http.MethodGet: "read", http.MethodPut: "write", http.MethodDelete: "delete"}[q.Method]
	if !known || len(q.Path.Rest) == 1 && q.Method != http.MethodGet {
		return wire.NoMethod(q.Method)
	}
	if no := r.Authorize(q.Caller, Namespace+"/roleAssignments/"+verb, q.Path.Scope); no != nil {
		return no
	}
	switch {
	case len(q.Path.Rest) == 1:
		return r.listed(q)
	case q.Method == http.MethodPut:
		return r.assign(q)
	}
	return r.one(q)
}

// wanted is the body of a PUT; older interfaces spell it without some of the fields.
type wanted struct {
	Properties struct {
		RoleDefinitionID string `json:"roleDefinitionId"`
		PrincipalID      string `json:"principalId"`
		PrincipalType    string `json:"principalType"`
		Description      string `json:"description"`
	} `json:"properties"`
}

// assign makes an assignment. The principal is told by its object id and nothing else; that clients may name it by its
// client id is their own doing, with a lookup in the directory. Whoever was made a moment ago may not be known everywhere
// yet, so a client that says what kind of principal it is will be believed.
func (r *Rights) assign(q wire.Request) *wire.Answer {
	var body wanted
	if no := q.Read(&body); no != nil {
		return no
	}
	want := body.Properties
	role, err := FindRole(path.Base(want.RoleDefinitionID))
	if err != nil || !strings.EqualFold(role.ID, path.Base(want.RoleDefinitionID)) {
		return wire.NotFound("RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", path.Base(want.RoleDefinitionID))
	}
	principal, exists := r.config.Directory.Find(want.PrincipalID)
	exists = exists && strings.EqualFold(principal.ObjectID, want.PrincipalID)
	switch {
	case want.PrincipalID == "":
		return wire.Refuse(http.StatusBadRequest, "InvalidPrincipalId", "The principal ID '' is not valid. Principal ID must be a GUID.")
	case !exists && want.PrincipalType == "":
		return wire.Refuse(http.StatusBadRequest, "PrincipalNotFound", "Principal %s does not exist in the directory %s. Check that you have the correct principal ID. "+
			"If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. "+
			"In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.",
			strings.ReplaceAll(want.PrincipalID, "-", ""), q.TenantID)
	case want.PrincipalType == "":
		want.PrincipalType = servicePrincipal
	}
	made := assignment{
		Assignment: Assignment{ObjectID: want.PrincipalID, Role: role, Scope: q.Path.Scope},
		name:       q.Path.At(1), principalType: want.PrincipalType, description: want.Description,
		createdBy: q.ObjectID, created: q.Now, counts: q.Now.Add(r.config.Propagation),
	}
	return r.keep(made)
}

// keep stores an assignment under its name unless the same is there under another.
func (r *Rights) keep(made assignment) *wire.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.sameLocked(made.Assignment)
	named := slices.IndexFunc(r.list, func(a assignment) bool {
		return strings.EqualFold(a.name, made.name) && sameScope(a.Scope, made.Scope)
	})
	switch {
	case same >= 0 && same == named:
		return wire.OK(documentOf(r.list[same]))
	case same >= 0:
		return wire.Refuse(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists. The ID of the existing role assignment is %s.",
			strings.ReplaceAll(r.list[same].name, "-", ""))
	case named >= 0:
		return wire.Refuse(http.StatusConflict, "RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
	}
	r.list = append(r.list, made)
	return wire.Created(true, documentOf(made))
}

// one reads or deletes an assignment by its name at its very scope.
func (r *Rights) one(q wire.Request) *wire.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.list, func(a assignment) bool {
		return strings.EqualFold(a.name, q.Path.At(1)) && sameScope(a.Scope, q.Path.Scope)
	})
	switch {
	case i < 0 && q.Method == http.MethodDelete:
		return wire.Gone(false)
	case i < 0:
		return wire.NotFound("RoleAssignmentNotFound", "The role assignment '%s' is not found.", q.Path.At(1))
	}
	shown := documentOf(r.list[i])
	if q.Method == http.MethodDelete {
		r.list = slices.Delete(r.list, i, i+1)
	}
	return wire.OK(shown)
}

// listed is the assignments that concern a scope: those above it and at it, and without atScope() those beneath it too.
func (r *Rights) listed(q wire.Request) *wire.Answer {
	filter, no := readFilter(q.Query.Get("$filter"))
	if no != nil {
		return no
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := []document{}
	for _, a := range r.list {
		concerns := wire.Covers(a.Scope, q.Path.Scope) || !filter.atScope && wire.Covers(q.Path.Scope, a.Scope)
		if concerns && (filter.principal == "" || strings.EqualFold(filter.principal, a.ObjectID)) {
			list = append(list, documentOf(a))
		}
	}
	return wire.List(list)
}

type filter struct {
	atScope   bool
	principal string
	equals    bool // it was asked for by principalId, which goes with nothing else
}

// readFilter takes atScope(), assignedTo('id') and principalId eq 'id', alone or joined by "and".
func readFilter(text string) (filter, *wire.Answer) {
	var f filter
	for term := range strings.SplitSeq(text, " and ") {
		term = strings.TrimSpace(term)
		lower := strings.ToLower(term)
		switch {
		case term == "":
		case lower == "atscope()":
			f.atScope = true
		case strings.HasPrefix(lower, "assignedto('") && strings.HasSuffix(lower, "')"):
			f.principal = lower[len("assignedto('") : len(lower)-2]
		case strings.HasPrefix(lower, "principalid eq '") && strings.HasSuffix(lower, "'"):
			f.principal, f.equals = lower[len("principalid eq '"):len(lower)-1], true
		default:
			return filter{}, unsupported(text)
		}
	}
	if f.equals && f.atScope {
		return filter{}, unsupported(text)
	}
	return f, nil
}

func unsupported(text string) *wire.Answer {
	return wire.Refuse(http.StatusBadRequest, "UnsupportedQuery", "The filter '%s' is not supported. "+
		"Supported filters are either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.", text)
}
