//go:build !linux && !darwin && !windows

package unixsock

import "errors"

func recordedUID(int) (int, error) { return 0, errors.ErrUnsupported }
