// Package arm plays Azure Resource Manager as far as identities and vaults need it: machines that have identities, the
// identities themselves with their federated credentials, who was assigned which role, vaults with their access policies,
// and what clients read of clusters. This room is the door: it knows who asks and passes the request to the room that the
// resource's namespace belongs to.
//
// Callers prove themselves by a token of the directory, and may do what their roles at a subscription, group or resource
// allow. There is no goroutine here and nothing to stop: what takes its time is computed from the clock when somebody looks.
package arm
