// Package rights is who may do what at the resource manager and in its vaults: role assignments, what they allow, and the
// requests by which clients look roles up, assign them and take them back.
//
// An assignment counts at its scope and everything beneath it. There are the built-in roles only, and no deny assignments;
// groups have no members here, so what a client asks about "assigned to" somebody is what that very principal has.
package rights
