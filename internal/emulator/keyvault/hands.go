package keyvault

import (
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// SetSecret makes a new enabled version of a secret, as an operator would, and gives its id. NotFound when there is no
// such vault; Invalid when the service would refuse it.
func (s *Server) SetSecret(vault, name string, value secret.Value) (version string, err error) {
	if !nameForm.MatchString(name) || value.Len() > maxSecret {
		return "", fault.New(fault.Invalid, "secret "+name, "has a name or value the service refuses")
	}
	err = s.with(vault, Secrets, name, func(c *call) *failure {
		if f := c.free(Secrets, name); f != nil {
			return f
		}
		v, f := c.fresh(nil, nil)
		if f != nil {
			return f
		}
		v.Secret = &store.Secret{Value: store.Known(value)}
		c.data.Secrets.Add(name, v)
		version = v.ID
		return nil
	})
	return version, err
}

// SetEnabled switches the latest version of an object, and what backs a certificate. NotFound when there is none.
func (s *Server) SetEnabled(vault string, area Area, name string, enabled bool) error {
	return s.with(vault, area, name, func(c *call) *failure {
		item, v, f := c.version()
		if f != nil {
			return f
		}
		for _, version := range c.data.Behind(c.shelf(), item, v) {
			version.Enabled, version.Updated = enabled, c.now.Unix()
		}
		return nil
	})
}

// Disable is SetEnabled to false.
func (s *Server) Disable(vault string, area Area, name string) error {
	return s.SetEnabled(vault, area, name, false)
}

// Delete soft-deletes an object. NotFound when there is none.
func (s *Server) Delete(vault string, area Area, name string) error {
	return s.with(vault, area, name, func(c *call) *failure { _, f := remove(c); return f })
}

// Recover brings a soft-deleted object back. NotFound when there is none.
func (s *Server) Recover(vault string, area Area, name string) error {
	return s.with(vault, area, name, func(c *call) *failure { _, f := recoverDeleted(c); return f })
}

// Versions lists the version ids of an object, oldest first. NotFound when there is none.
func (s *Server) Versions(vault string, area Area, name string) (ids []string, err error) {
	err = s.with(vault, area, name, func(c *call) *failure {
		item, f := c.live()
		if f != nil {
			return f
		}
		for _, v := range item.Versions {
			ids = append(ids, v.ID)
		}
		return nil
	})
	return ids, err
}

// with does something to a vault by hand, past the guard.
func (s *Server) with(vault string, area Area, name string, do func(*call) *failure) error {
	v, err := s.vault(vault)
	if err != nil {
		return err
	}
	c := &call{area: area, vars: map[string]string{"name": name}}
	_, f := s.locked(v, c, func(c *call) (answer, *failure) { return answer{}, do(c) })
	if f == nil {
		return nil
	}
	kinds := map[int]fault.Kind{400: fault.Invalid, 403: fault.Denied, 404: fault.NotFound, 409: fault.Busy}
	e := fault.New(kinds[f.status], area.noun().word+" "+name, "%s", f.message)
	e.Remote = fault.Remote{Code: f.code}
	return e
}
