// Package kube speaks to a cluster's API server, and is the only room that does: classes, pods and the kinds of pod
// identity as they are watched, the few objects that are written, events, and the lease that makes one of several
// processes the leader.
//
// It gives its own small types instead of the API's, so that nobody else knows client-go, and so that of a watched pod
// or class only what somebody reads stays in memory. Every failure is a fault whose kind says what a caller can do:
// the mapping is in one place, and a refusal names the permission that is missing and whose it is.
//
// Its stance when the world fails: nothing here retries a call behind the caller's back, and every call has an end. A
// watch that is lost comes back by itself, from whatever ended it: a lost connection, a restarted server, a resource
// version that is too old, a definition that does not exist yet. What it held meanwhile stays readable, and a class is
// read directly as long as the watch cannot vouch for its copy. One line is logged when a watch fails and one when it
// is back.
//
// Of client-go it takes the transport, the REST client and the reflector. The typed clients and the leader election of
// client-go are left out because they bring every type of the API into the process: 6.6 MiB of resident memory and 9 MB
// of binary were measured for them, and this program needs a handful of kinds. So the leader election is our own, see
// Lead; with a clock that is given, a change of leader is tested in milliseconds. The event recorder of client-go is left out because
// it sleeps and retries in a queue that one unreachable server holds up for minutes, and drops without a count.
//
// Reads of the API's own kinds ask for protobuf, which is smaller and faster to decode; writes are JSON, few and small.
package kube
