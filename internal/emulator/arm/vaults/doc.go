// Package vaults is key vaults as the resource manager knows them: which there are, by which model they decide, their access
// policies, and those that were deleted and can still be had back. What they hold is another room's; a Plane tells that one
// what to let in, at once.
package vaults
