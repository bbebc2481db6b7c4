// Package keyvault plays the data plane of Azure Key Vault: secrets, keys and certificates over the REST interface
// that the unmodified Azure SDKs speak, out of memory, any number of vaults in one Server.
//
// It is a stand-in for laptops and tests. It never reaches out to anything, never writes a file and holds every value
// in clear text; what is put in may be seen by whoever holds the process. Who may do what is not decided here but asked
// of a Guard.
//
// Where Key Vault's behaviour is documented or was recorded from the real service, that behaviour is kept to the letter,
// error texts included, for clients lean on them. Where it is unknown, the answer is the one a client has to be most
// careful with. What the real service refuses is refused; what is not played (secure key release, attestation,
// secp256k1) is refused with BadParameter instead of being half done. Nothing happens by itself: certificates are not
// renewed, keys are not rotated and nobody is mailed, whatever a policy says; only what was deleted is forgotten when
// its retention is over.
package keyvault
