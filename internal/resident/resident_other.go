//go:build !linux && !windows

package resident

// dropFilePages does nothing where nobody has asked for it.
func dropFilePages() error { return nil }
