package compute

import "strongroom/internal/emulator/entra"

// identity finds a user-assigned identity by resource id alone: the directory would take any other name too.
func (s *Server) identity(id string) (entra.Principal, bool) {
	p, known := s.config.Directory.Find(id)
	return p, known && p.Kind == entra.KindUserAssigned && sameID(p, id)
}

// principal makes the system-assigned identity of a machine, named like it.
func (s *Server) principal(m *machine) (*entra.Principal, error) {
	made, err := s.config.Directory.AddIdentity(entra.Identity{Name: m.Name, TenantID: m.TenantID, ResourceID: m.ID(), SystemAssigned: true})
	if err != nil {
		return nil, err
	}
	p, _ := s.config.Directory.Find(made.ObjectID)
	return &p, nil
}

func (s *Server) living(h Holding) Holding {
	var have Holding
	if h.System != nil {
		if p, known := s.config.Directory.Find(h.System.ObjectID); known {
			have.System = &p
		}
	}
	for _, one := range h.User {
		if p, known := s.config.Directory.Find(one.ObjectID); known {
			have.User = append(have.User, p)
		}
	}
	return have
}

func (s *Server) nodeLocked(node string) (*machine, *instance) {
	for _, m := range s.machines {
		for _, i := range m.instances {
			if i.node == node {
				return m, i
			}
		}
	}
	return nil, nil
}
