//go:build !unix

package redirect

import (
	"context"
	"errors"
)

// host has no programs to run: there are no such rules here.
type host struct{ root string }

func (host) exec(context.Context, string, []string, string) (string, error) {
	return "", errors.ErrUnsupported
}
