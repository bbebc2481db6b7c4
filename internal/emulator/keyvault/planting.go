package keyvault

import (
	"fmt"
	"strings"
	"time"

	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
)

// Seed puts objects into a vault, all or none: every problem is told at once. An object of a name that is there is
// replaced. NotFound when there is no such vault, Invalid otherwise.
func (s *Server) Seed(vault string, objects []Object) error {
	v, err := s.vault(vault)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := s.cfg.Clock.Now()
	var problems fault.List
	var plants []plant
	for _, o := range objects {
		planted, found := o.plan(v.traits, now)
		problems = append(problems, found...)
		plants = append(plants, planted)
	}
	problems = append(problems, clashes(v.data, plants, now)...)
	if err := problems.AsError(); err != nil {
		return err
	}
	terms := (&call{traits: v.traits}).terms()
	terms.Settling = 0
	for _, p := range plants {
		p.into(v.data, terms, now)
	}
	return nil
}

// plant is an Object understood: where it goes and what puts each of its versions there.
type plant struct {
	area     Area
	name     string
	deleted  bool
	versions []func(*store.Vault)
}

func (p plant) into(data *store.Vault, terms store.Terms, now time.Time) {
	for _, area := range p.names() {
		shelfOf(data, area).Remove(p.name)
	}
	for _, put := range p.versions {
		put(data)
	}
	if !p.deleted {
		return
	}
	shelf := shelfOf(data, p.area)
	data.WithBacking(shelf, shelf.Find(p.name), func(_ *store.Shelf, i *store.Item) { i.Delete(terms, now) })
}

// names are the areas in which the plant needs its name.
func (p plant) names() []Area {
	if p.area == Certificates {
		return []Area{Certificates, Keys, Secrets}
	}
	return []Area{p.area}
}

// clashes finds names wanted twice, and secrets or keys in the place of a certificate's.
func clashes(data *store.Vault, plants []plant, now time.Time) fault.List {
	var problems fault.List
	taken := map[string]bool{}
	for _, p := range plants {
		for _, area := range p.names() {
			slot := string(area) + "/" + strings.ToLower(p.name)
			item, state := shelfOf(data, area).Look(p.name, now)
			mixed := state != store.Missing && item.Latest().Managed != (p.area == Certificates && area != Certificates)
			if taken[slot] || mixed {
				problems = append(problems, fault.New(fault.Invalid, p.area.noun().word+" "+p.name, "%s is taken already", slot))
			}
			taken[slot] = true
		}
	}
	return problems
}

func (o Object) area() (Area, bool) {
	switch strings.ToLower(o.Kind) {
	case "secret":
		return Secrets, true
	case "key":
		return Keys, true
	case "certificate", "cert":
		return Certificates, true
	}
	return "", false
}

// plan understands an object or lists what is wrong with it.
func (o Object) plan(t Traits, now time.Time) (plant, fault.List) {
	subject := fmt.Sprintf("%s %s", o.Kind, o.Name)
	area, known := o.area()
	if !known {
		return plant{}, fault.List{fault.New(fault.Invalid, subject, "kind is not secret, key or certificate")}
	}
	if !nameForm.MatchString(o.Name) {
		return plant{}, fault.List{fault.New(fault.Invalid, subject, "name is not 1 to 127 letters, digits and dashes")}
	}
	p := plant{area: area, name: o.Name, deleted: o.Deleted}
	var problems fault.List
	list := o.Versions
	if len(list) == 0 {
		list = []Version{{}}
	}
	for i, v := range list {
		put, err := v.plan(area, o.Name, t, now)
		if err != nil {
			problems = append(problems, fault.Wrap(err, fault.Invalid, fmt.Sprintf("%s, versions[%d]", subject, i), "cannot be seeded"))
			continue
		}
		p.versions = append(p.versions, put)
	}
	return p, problems
}
