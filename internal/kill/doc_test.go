// Package kill holds the built system against its own sudden end and against a disk that fails.
//
// The driver and the provider run as processes of their own, serve a kubelet's calls, and are killed at random points; and
// one publish, rotation or unpublish at a time is killed, or meets a failing system call, at every system call it makes.
// Afterwards a target holds one complete set or nothing, whatever was left half-made goes with the next call, and at the
// end nothing is left at all.
//
// The plain tests run with all others, in small numbers. "make kill" runs them in full, and on real mounts.
package kill
