package e2e

import (
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// Arrivals notes how files come into a directory of the node, from now until the test ends.
type Arrivals struct{ fd int }

// WatchArrivals begins.
func WatchArrivals(t testing.TB, dir string) Arrivals {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_CREATE|syscall.IN_MODIFY|syscall.IN_MOVED_TO); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return Arrivals{fd}
}

// Of gives what happened to a name since it was last asked, in order: "renamed to" is all that befalls a file that
// appears at once, with all its content.
func (a Arrivals) Of(t testing.TB, name string) (happened []string) {
	t.Helper()
	buffer := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(a.fd, buffer)
		if errors.Is(err, syscall.EAGAIN) {
			return happened
		}
		if err != nil {
			t.Fatal(err)
		}
		for rest := buffer[:n]; len(rest) >= syscall.SizeofInotifyEvent; {
			mask, length := binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
			end := syscall.SizeofInotifyEvent + int(length)
			if strings.TrimRight(string(rest[syscall.SizeofInotifyEvent:end]), "\x00") == name || mask&syscall.IN_Q_OVERFLOW != 0 {
				happened = append(happened, spelled(mask))
			}
			rest = rest[end:]
		}
	}
}

func spelled(mask uint32) string {
	switch {
	case mask&syscall.IN_MOVED_TO != 0:
		return "renamed to"
	case mask&syscall.IN_CREATE != 0:
		return "created"
	case mask&syscall.IN_MODIFY != 0:
		return "written"
	}
	return "too much"
}
