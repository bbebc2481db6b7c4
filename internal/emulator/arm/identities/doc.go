// Package identities is the user-assigned managed identities of the resource manager and their federated credentials.
// They live in the directory and nowhere else: what a document, another room or a client put there is what is shown here,
// and what is made or deleted here counts for tokens at once.
//
// An identity made here has ids that nobody had before, so one that is deleted and made again is another principal.
package identities
