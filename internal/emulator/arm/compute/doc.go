// Package compute is the virtual machines and scale sets of the resource manager: they can be read and listed, and
// identities assigned to them and taken away again, by the REST that SDKs and the identity controllers of clusters use.
// What a machine has here is what its metadata endpoint hands out tokens for.
//
// An update is answered at once and runs as an operation; it is computed from the clock when somebody looks, so there is
// no goroutine here and nothing to stop. Machines neither appear nor vanish: which there are is told by Add. Of a PATCH or
// PUT the identity counts and the rest of the body is ignored.
//
// It is kinder than Azure in one thing: a system-assigned identity that is disabled and enabled again is the same one, so
// that ids stay the ones a test wrote down. Where Azure's text of an error is not known, its code and status count.
package compute
