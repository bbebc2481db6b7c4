package flexvolume

import "errors"

// state is what stands at a target, as far as it matters here.
type state uint8

const (
	absent   state = iota // nothing, or an empty directory as the kubelet makes it
	standing              // complete content
	broken                // a mount without content, as a program that was killed leaves it
	foreign               // a directory with somebody else's files, and no mount
)

// stands looks at a target. A mount that holds plain files is the original driver's, from before this one took its
// place: a pod runs on it, and it counts as complete.
func (d *Driver) stands(target string) (state, error) {
	s, err := d.Volumes.Inspect(target)
	if err != nil || !s.Exists {
		return absent, err
	}
	if s.Mounted && s.Complete {
		return standing, nil
	}
	names, err := d.Volumes.Names(target)
	switch {
	case err != nil:
		return absent, err
	case s.Mounted && len(names) > 0:
		return standing, nil
	case s.Mounted:
		return broken, nil
	case len(names) > 0:
		return foreign, nil
	}
	return absent, nil
}

// giveBack leaves nothing behind of a mount that failed, not even the directory that the kubelet had made for it.
func (d *Driver) giveBack(target string, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, d.Volumes.Remove(target))
}
