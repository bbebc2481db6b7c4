package main

import "encoding/binary"

// Accounts that every Windows has, as security identifiers in their binary form: [MS-DTYP] 2.4.2 has that, and 2.4.6 that of
// a descriptor.
var (
	system         = identifier5(18)      // S-1-5-18
	administrators = identifier5(32, 544) // S-1-5-32-544
	users          = identifier5(32, 545) // S-1-5-32-545
)

// identifier5 is S-1-5-..., the authority NT's own.
func identifier5(parts ...uint32) []byte {
	id := []byte{1, byte(len(parts)), 0, 0, 0, 0, 0, 5}
	for _, part := range parts {
		id = binary.LittleEndian.AppendUint32(id, part)
	}
	return id
}

// Rights, from winnt.h.
const (
	allOfFile      = 0x1f01ff
	readAndExecute = 0x1200a9
	allOfKey       = 0xf003f
	readOfKey      = 0x20019
)

// inherited makes an entry of a directory one of what comes to be in it, too.
const inherited = 3

// entry allows an account something.
type entry struct {
	flags   byte
	rights  uint32
	account []byte
}

// securityDescriptor is one of the administrators' with the entries, and with none that it would inherit.
func securityDescriptor(entries ...entry) []byte {
	const header, present, protected, selfRelative = 20, 0x0004, 0x1000, 0x8000
	little := binary.LittleEndian
	list := []byte{2, 0, 0, 0, byte(len(entries)), 0, 0, 0}
	for _, e := range entries {
		list = append(list, 0, e.flags)
		list = little.AppendUint16(list, uint16(8+len(e.account)))
		list = append(little.AppendUint32(list, e.rights), e.account...)
	}
	little.PutUint16(list[2:], uint16(len(list)))

	owner, group := header, header+len(administrators)
	all := []byte{1, 0}
	all = little.AppendUint16(all, present|protected|selfRelative)
	for _, offset := range []int{owner, group, 0, group + len(administrators)} {
		all = little.AppendUint32(all, uint32(offset))
	}
	all = append(append(all, administrators...), administrators...)
	return append(all, list...)
}
