// Package attack holds the built system against a world that means it ill. Its tests run the whole chain, from a CSI
// request to files in a directory, against an Azure written here from the wire contract and from nothing of the
// emulator's, so that calls are counted and lies are told by a counterpart that shares no mistake with either.
//
// Each test's name is the rule it holds.
package attack
