// Package emulator is an Azure of our own, in one process: Entra ID, the applications of Microsoft Graph, the metadata
// service of every node, any number of key vaults, the resource manager's machines with their identities, a cluster's
// token issuer, the identity-binding token proxy and pod identity's host endpoint. The unmodified Azure SDKs work
// against it. It is what the demo, the tests and people's laptops run on.
//
// One TLS listener, with certificates from a root of its own, serves every host name and tells services apart by name;
// plain HTTP on loopback serves what is plain HTTP in Azure, a CONNECT proxy for programs that know nothing but
// HTTPS_PROXY, and a control endpoint. Who exists, which vaults there are and who may read them comes from a
// state.Document. In front of every service stand the request log and the fault table, outside of which nothing
// answers.
//
// It is no place for real secrets: whoever reaches the control endpoint may read everything. It keeps all in memory
// unless told to use a state file. It never calls a host outside, never uses a real metadata address, and starts
// nothing before Run.
package emulator
