// Package arm is the part of Azure Resource Manager's client that identities of machines need: it reads which identities
// a virtual machine or scale set has, adds and removes some, and asks how such an update is going. Each method is at most
// one HTTP request: no retry, no cache, no waiting. When to ask again is decided by whoever keeps the machine's state.
//
// An update tells Azure only what changes. Identities that others have put on a machine meanwhile stay, and so does a
// system-assigned identity. When Azure refuses, the error says which identity or which missing role it is about, with the
// command that mends it.
package arm
