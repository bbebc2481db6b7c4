// Package groups is the ground that resources stand on: tenants, subscriptions, resource groups and locations, which types
// of resources there are, and lists of resources of every kind. Clients ask for these before they ask for anything else.
//
// A subscription or group is there because a document says so, because a client made it, or because something is in it.
// Deleting a group with something in it is refused, where Azure would delete that too.
package groups
