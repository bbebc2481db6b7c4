// Package nmi is the node managed identity daemon of AAD Pod Identity: pods call the instance metadata address as they
// would on a machine, are led here, and get a token of the identity that is bound to them and of no other. The volume
// plugins of the node ask in a pod's name at an endpoint of their own, which answers loopback addresses only.
//
// What it looks like from outside (paths, headers, texts, status codes, JSON in which every number is a string) is the
// contract of the archived project, version 1.8.17, with these differences:
//
//   - Everything under /metadata/identity that is not the token path is refused, and never passed on, however it is spelled.
//   - What cannot come is refused at once, with a text that names what is missing; what may come is waited for, and
//     answered 503 with Retry-After when it did not. An assignment that arrives wakes the request.
//   - An identity is asked for by its resource id, and the answer must be for the client id that the AzureIdentity states.
//   - object_id is honoured. A request for an excepted pod is passed on as it is.
//   - Instance metadata is blocked unless the configuration says otherwise.
//   - No pod is excepted for its name: MIC runs excepted by its AzurePodIdentityException alone.
//
// # Who is asking
//
// The source address of the connection, and nothing a header says. Only pods of this node count, never one on the host's
// network. Of several pods with one address the one that runs counts, and where two do, neither gets anything.
//
// # What is kept
//
// Tokens, through share: a request is one question to IMDS or Entra per identity and resource, however many pods wait for
// it. Which pod may use which identity is not kept: it is read from the watched objects at every request.
package nmi
