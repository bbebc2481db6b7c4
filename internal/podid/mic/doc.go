// Package mic puts identities on machines for the pods that are to have them, and says so in AzureAssignedIdentity objects,
// by which NMI hands out tokens. It is the work of one replica, the leader.
//
// A pass looks at everything: pods, bindings, identities, nodes, the objects that are there and what is known of each
// machine. It is a pure function, and comes to writes and to wishes: which identities each virtual machine or scale set is
// to have. Writes are done by a bounded number of hands. Each machine has a worker of its own that turns wishes into as few
// updates as possible, one at a time; no machine waits for another.
//
// What it promises:
//
//   - An object says Assigned only after Azure has said that the update is over, and no longer once it is known that the
//     identity is not there.
//   - Only identities that are in the ledger are ever taken off a machine. They are written there before the update that
//     adds them, so that no successor takes somebody else's for ours or ours for somebody else's.
//   - No identity is taken off a machine while an object of a pod there says Assigned, nor while a pod is to have it.
//   - A refused identity waits alone: the others of the same update are tried again at once without it.
package mic
