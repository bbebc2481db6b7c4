// Package store holds what vaults hold: named objects with versions, their lives and deaths, their pages. It is plain
// data with plain rules: every function is told the time, nothing locks, nothing knows of HTTP. The caller guards a
// Vault with one lock.
package store

import (
	"crypto/x509"
	"encoding/hex"
	"sync"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/secret"
)

// Version is one version of an object. Exactly one of Secret, Key and Certificate is set. Times are unix seconds, 0
// for none.
type Version struct {
	ID        string // 32 hex digits
	Enabled   bool
	NotBefore int64
	Expires   int64
	Created   int64
	Updated   int64
	Tags      map[string]string
	Managed   bool // lives and dies with the certificate of the same name and version
	Pending   bool // of a certificate that is not issued yet, and of what backs it

	Secret      *Secret
	Key         *Key
	Certificate *Certificate
}

// Secret is the body of a secret's version.
type Secret struct {
	Value       Lazy[secret.Value]
	ContentType string
}

// Key is the body of a key's version. Material is *rsa.PrivateKey, *ecdsa.PrivateKey or mint.Symmetric.
type Key struct {
	Material   Lazy[any]
	Spec       mint.KeySpec
	Ops        []string
	Exportable bool
}

// Certificate is the body of a certificate's version. Leaf is nil while it is not issued.
type Certificate struct {
	Leaf          Lazy[*x509.Certificate]
	PreserveOrder bool
}

// Lazy is something made when it is first asked for, and once: an RSA key nobody reads costs nothing.
type Lazy[T any] func() (T, error)

// Later makes a Lazy of how to make it.
func Later[T any](how func() (T, error)) Lazy[T] { return sync.OnceValues(how) }

// Known is a Lazy of what is there already.
func Known[T any](v T) Lazy[T] { return func() (T, error) { return v, nil } }

// NewID makes a version id.
func NewID() string { return hex.EncodeToString(mint.RandomBytes(16)) }
