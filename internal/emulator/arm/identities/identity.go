package identities

import (
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/form"
)

type identityBody struct {
	wire.Resource
	Properties identityProperties `json:"properties"`
}

type identityProperties struct {
	TenantID    string `json:"tenantId"`
	PrincipalID string `json:"principalId"`
	ClientID    string `json:"clientId"`
}

// document is an identity as clients read it. Its name is the last part of its id: the directory's own name for it may be
// another one.
func (s *Server) document(i entra.Identity) identityBody {
	have := s.details[i.ObjectID]
	if have.location == "" {
		have.location = wire.Region
	}
	return identityBody{
		Resource: wire.Resource{ID: i.ResourceID, Name: i.ResourceID[strings.LastIndexByte(i.ResourceID, '/')+1:], Type: identityType,
			Location: have.location, Tags: have.tags},
		Properties: identityProperties{TenantID: i.TenantID, PrincipalID: i.ObjectID, ClientID: i.ClientID},
	}
}

func (s *Server) list(q wire.Request, refusal *wire.Answer) *wire.Answer {
	var list []identityBody
	for _, i := range s.config.Directory.Identities() {
		if !i.SystemAssigned && wire.Covers(q.Path.Scope, i.ResourceID) {
			list = append(list, s.document(i))
		}
	}
	return wire.Visible(list, refusal, func(one identityBody) bool { return s.config.Rights.May(q.ObjectID, one.Type+"/read", one.ID) })
}

// identity answers for one of them.
func (s *Server) identity(q wire.Request) *wire.Answer {
	found, there := s.find(q.Path)
	switch {
	case q.Method == http.MethodPut && !there:
		return s.create(q)
	case q.Method == http.MethodDelete:
		return wire.Gone(there && s.remove(found))
	case !there:
		return wire.NoSuchResource(identityType, q.Path.At(1), q.Path.Group)
	case q.Method == http.MethodGet:
		return wire.OK(s.document(found))
	}
	return s.change(q, found)
}

// wanted is the body of a PUT or PATCH: there is nothing about an identity that a client decides but these.
type wanted struct {
	Location string            `json:"location"`
	Tags     map[string]string `json:"tags"`
}

var nameForm = form.UpTo(128, `^[a-zA-Z0-9][a-zA-Z0-9_-]{2,}$`)

// create makes the identity and the principal behind it, in the tenant of whoever asks.
func (s *Server) create(q wire.Request) *wire.Answer {
	var body wanted
	if no := q.Read(&body); no != nil {
		return no
	}
	name := q.Path.At(1)
	switch {
	case !nameForm.MatchString(name):
		return wire.Refuse(http.StatusBadRequest, "BadRequest", "The name of the resource '%s' is not valid: 3 to 128 letters, digits, dashes and underscores, "+
			"beginning with a letter or digit.", name)
	case body.Location == "":
		return wire.Refuse(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	}
	made, err := s.config.Directory.AddIdentity(entra.Identity{
		Name: name, TenantID: q.TenantID, ClientID: wire.NewID(), ObjectID: wire.NewID(), ResourceID: q.Path.InGroup(identityType, name)})
	if err != nil {
		return wire.Refuse(http.StatusConflict, "Conflict", "The identity '%s' cannot be made: %v.", name, err)
	}
	s.details[made.ObjectID] = detail{body.Location, body.Tags}
	return wire.Created(true, s.document(made))
}

// change is PUT and PATCH of what is there. A PATCH without tags leaves them.
func (s *Server) change(q wire.Request, found entra.Identity) *wire.Answer {
	var body wanted
	if no := q.Read(&body); no != nil {
		return no
	}
	have := s.details[found.ObjectID]
	if body.Tags != nil || q.Method == http.MethodPut {
		have.tags = body.Tags
	}
	s.details[found.ObjectID] = have
	return wire.OK(s.document(found))
}

// remove takes the principal out of the directory. Machines go on naming the identity, as in Azure, and so do roles.
func (s *Server) remove(found entra.Identity) bool {
	delete(s.details, found.ObjectID)
	delete(s.written, found.ObjectID)
	return s.config.Directory.Remove(found.ObjectID)
}

// systemAssigned shows the identity of the resource that the path is about.
func (s *Server) systemAssigned(q wire.Request) *wire.Answer {
	if no := s.config.Rights.Authorize(q.Caller, Namespace+"/identities/read", q.Path.Scope); no != nil {
		return no
	}
	for _, i := range s.config.Directory.Identities() {
		if i.SystemAssigned && strings.EqualFold(i.ResourceID, q.Path.Scope) {
			return wire.OK(identityBody{
				Resource:   wire.Resource{ID: i.ResourceID + "/providers/" + Namespace + "/identities/default", Name: "default", Type: Namespace + "/identities", Location: wire.Region},
				Properties: identityProperties{TenantID: i.TenantID, PrincipalID: i.ObjectID, ClientID: i.ClientID},
			})
		}
	}
	return wire.NotFound("ResourceNotFound", "The resource '%s' has no system assigned identity.", q.Path.Scope)
}
