//go:build !windows

package volume

import (
	"errors"
	"syscall"
)

// linksHaveKinds says that a link is made for a file or for a directory. Here it is neither.
const linksHaveKinds = false

func (d *dir) straight(string) bool { return true }
func (d *dir) mend() error          { return nil } // a rename replaces a link whole, or not at all
func refusesToReplace(error) bool   { return false }
func inUse(error) bool              { return false } // what is open can be removed

// isNoLink says whether what was read as a link is none.
func isNoLink(err error) bool { return errors.Is(err, syscall.EINVAL) }

// remedyHere is what mends an error on this system alone.
func remedyHere(error, string) string { return "" }
