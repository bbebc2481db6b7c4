// Package graph plays the part of Microsoft Graph that sets up identities: applications with their secrets, certificates
// and federated credentials, service principals, and the look-ups by which tools turn a client id into an object id. What
// is changed here counts at the token endpoint at once, because both ask the same directory. Only who has a directory
// role may read or change anything; there are no users and no groups.
package graph
