package main

import (
	"bytes"
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// emptyHive is a file of the Windows registry, version 1.3, with a root key and nothing else: a block that describes the
// file, and one bin with the key and who may use it. Offsets count from the first bin.
func emptyHive(name string, made time.Time) []byte {
	const block, firstCell = 4096, 32
	little := binary.LittleEndian
	when := filetime(made)

	key := rootKey(name, when)
	security := firstCell + len(cell(key))
	little.PutUint32(key[44:], uint32(security))

	bin := make([]byte, firstCell, block)
	copy(bin, "hbin")
	little.PutUint32(bin[8:], block)
	little.PutUint64(bin[20:], when)
	bin = append(bin, cell(key)...)
	bin = append(bin, cell(keySecurity(uint32(security)))...)
	free := block - len(bin)
	bin = little.AppendUint32(bin, uint32(free)) // a size above zero says that nobody uses it
	bin = append(bin, make([]byte, free-4)...)

	base := make([]byte, block)
	copy(base, "regf")
	for at, value := range map[int]uint32{
		4: 1, 8: 1, // begun and ended writes: equal, so the file is whole
		20: 1, 24: 3, // version
		32: 1, // loaded as it is
		36: firstCell, 40: block, 44: 1,
	} {
		little.PutUint32(base[at:], value)
	}
	little.PutUint64(base[12:], when)
	copy(base[48:112], wide(name))
	var sum uint32
	for at := 0; at < 508; at += 4 {
		sum ^= little.Uint32(base[at:])
	}
	little.PutUint32(base[508:], sum)
	return append(base, bin...)
}

// rootKey is a key without parent, subkeys and values, which nobody may delete. Where its security is comes at 44.
func rootKey(name string, when uint64) []byte {
	const root, undeletable, byteName = 0x04, 0x08, 0x20
	little := binary.LittleEndian
	key := make([]byte, 76, 76+len(name))
	copy(key, "nk")
	little.PutUint16(key[2:], root|undeletable|byteName)
	little.PutUint64(key[4:], when)
	for _, at := range []int{16, 28, 32, 40, 48} { // parent, two lists of subkeys, values, class
		little.PutUint32(key[at:], 0xffffffff)
	}
	little.PutUint16(key[72:], uint16(len(name)))
	return append(key, name...)
}

// keySecurity is a list of one, which is its own neighbour on both sides.
func keySecurity(itself uint32) []byte {
	const containers = 2
	little := binary.LittleEndian
	descriptor := securityDescriptor(
		entry{containers, allOfKey, administrators}, entry{containers, allOfKey, system}, entry{containers, readOfKey, users},
	)
	security := []byte("sk\x00\x00")
	for _, value := range []uint32{itself, itself, 1, uint32(len(descriptor))} {
		security = little.AppendUint32(security, value)
	}
	return append(security, descriptor...)
}

// cell is content with its size before it, below zero because it is in use, in a multiple of eight bytes.
func cell(content []byte) []byte {
	size := (4 + len(content) + 7) / 8 * 8
	framed := binary.LittleEndian.AppendUint32(nil, uint32(-int32(size)))
	framed = append(framed, content...)
	return append(framed, bytes.Repeat([]byte{0}, size-len(framed))...)
}

// filetime counts in tenths of a microsecond since 1601.
func filetime(t time.Time) uint64 { return uint64(t.Unix()+11644473600) * 10_000_000 }

func wide(text string) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}
