//go:build wine && windows

package volume

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

const (
	hostOpen     = 2
	hostClose    = 3
	hostGetdents = 217
	ofLink       = 10 // DT_LNK
)

// links are a directory's links, as the host lists them.
func (r *root) links(dir string) (found []link) {
	fd := hostPaths(hostOpen, r.at(dir), nil, 0)
	if fd < 0 {
		return nil
	}
	defer hostFile(hostClose, uintptr(fd), nil, 0)
	buffer := make([]byte, 32<<10)
	for {
		n := hostFile(hostGetdents, uintptr(fd), unsafe.Pointer(&buffer[0]), uintptr(len(buffer)))
		if n <= 0 {
			return found
		}
		for rest := buffer[:n]; len(rest) > 0; rest = rest[binary.LittleEndian.Uint16(rest[16:]):] {
			if rest[18] != ofLink {
				continue
			}
			name, _, _ := bytes.Cut(rest[19:], []byte{0})
			info, err := r.Lstat(dir + "/" + string(name))
			if l, ok := info.(link); err == nil && ok {
				found = append(found, l)
			}
		}
	}
}
