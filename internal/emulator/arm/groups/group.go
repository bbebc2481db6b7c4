package groups

import (
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

const groupType = "Microsoft.Resources/subscriptions/resourceGroups"

type groupBody struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties any               `json:"properties"`
}

func (s *subscription) show(g *group) groupBody {
	return groupBody{
		ID: "/subscriptions/" + s.ID + "/resourceGroups/" + g.name, Name: g.name, Type: "Microsoft.Resources/resourceGroups",
		Location: g.location, Tags: g.tags, Properties: map[string]string{"provisioningState": "Succeeded"},
	}
}

// group answers for one group: whether there is one (HEAD), what it is, making it, and taking an empty one away.
func (g *Groups) group(q wire.Request) *wire.Answer {
	verb, known := map[string]string{http.MethodHead: "read", http.MethodGet: "read", http.MethodPut: "write", http.MethodPatch: "write",
		http.MethodDelete: "delete"}[q.Method]
	if !known {
		return wire.NoMethod(q.Method)
	}
	s, no := g.subscription(q.Path.Subscription)
	if no != nil {
		return no
	}
	_ = g.Find(q.Path.Subscription, q.Path.Group) // an identity may have brought the group along
	if no := g.config.Rights.Authorize(q.Caller, groupType+"/"+verb, q.Path.Scope); no != nil {
		return no
	}
	switch q.Method {
	case http.MethodPut, http.MethodPatch:
		return g.put(q, s)
	case http.MethodDelete:
		return g.remove(q, s)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	found := s.find(q.Path.Group)
	switch {
	case q.Method == http.MethodHead && found == nil:
		return &wire.Answer{Status: http.StatusNotFound}
	case q.Method == http.MethodHead:
		return &wire.Answer{Status: http.StatusNoContent}
	case found == nil:
		return wire.NotFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", q.Path.Group)
	}
	return wire.OK(s.show(found))
}

func (g *Groups) put(q wire.Request, s *subscription) *wire.Answer {
	var body struct {
		Location string            `json:"location"`
		Tags     map[string]string `json:"tags"`
	}
	if no := q.Read(&body); no != nil {
		return no
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	found := s.find(q.Path.Group)
	switch {
	case found == nil && q.Method == http.MethodPatch:
		return wire.NotFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", q.Path.Group)
	case found == nil && body.Location == "":
		return wire.Refuse(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	case found == nil:
		made := &group{name: q.Path.Group, location: body.Location, tags: body.Tags}
		s.groups = append(s.groups, made)
		return wire.Created(true, s.show(made))
	case body.Location != "" && !strings.EqualFold(body.Location, found.location):
		return wire.Refuse(http.StatusConflict, "InvalidResourceGroupLocation", "Invalid resource group location '%s'. The Resource group already exists in location '%s'.",
			body.Location, found.location)
	}
	found.tags = body.Tags
	return wire.OK(s.show(found))
}

// remove deletes an empty group; what is in one would have to be deleted in the right order first, which is not played.
func (g *Groups) remove(q wire.Request, s *subscription) *wire.Answer {
	scope := "/subscriptions/" + s.ID + "/resourceGroups/" + q.Path.Group
	for _, r := range g.config.Resources() {
		if wire.Covers(scope, r.ID) {
			return wire.Refuse(http.StatusConflict, "ResourceGroupNotEmpty", "The resource group '%s' still holds %s.", q.Path.Group, r.ID)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, one := range s.groups {
		if strings.EqualFold(one.name, q.Path.Group) {
			s.groups = append(s.groups[:i:i], s.groups[i+1:]...)
			return wire.Gone(true)
		}
	}
	return wire.NotFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", q.Path.Group)
}

// list is the groups of a subscription where the caller has any role.
func (g *Groups) list(q wire.Request) *wire.Answer {
	g.look()
	s, no := g.subscription(q.Path.Subscription)
	if no != nil {
		return no
	}
	var list []groupBody
	g.mu.Lock()
	for _, one := range s.groups {
		list = append(list, s.show(one))
	}
	g.mu.Unlock()
	var seen []groupBody
	for _, one := range list {
		if g.config.Rights.Concerned(q.ObjectID, one.ID) {
			seen = append(seen, one)
		}
	}
	return wire.List(seen)
}
