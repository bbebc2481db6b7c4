// Package match decides who gets what, from what people have written down alone: which pods are to have which identities,
// and what the objects that say so are called. It is pure: no clock, no requests.
package match
