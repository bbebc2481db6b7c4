// Package entra is the emulator's Entra ID: a Directory of tenants, applications and managed identities, and a Server
// that gives them tokens over HTTP the way the login hosts do.
//
// The Directory is the only holder of who exists. It signs access tokens (Issue) for whoever asks in process: the
// Server after a credential was checked, IMDS and NMI after they have chosen an identity. It checks them again
// (Verify) for the resources that are called with them. Nothing here decides what a principal may do to a vault.
//
// The Server answers instance discovery, the OpenID documents, the published keys and both token endpoints. It
// believes nothing that it can check: secrets are compared, certificate assertions verified against the registered
// certificate, federated assertions against the keys their issuer publishes at this moment.
//
// What it never does: interactive sign-in, users, groups, refresh tokens, anything with a browser. It never calls a
// host other than the issuer of a registered federated credential, and that only through the client it was given.
//
// When it cannot do a thing it says so in Entra's own error format, with the AADSTS code a real tenant gives; a broken
// issuer is the caller's error (AADSTS90061), not ours.
package entra
