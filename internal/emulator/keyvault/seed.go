package keyvault

import "strongroom/internal/secret"

// Object is one secret, key or certificate as a state file declares it. Seeding a name that is there replaces it.
type Object struct {
	// Kind is "secret", "key" or "certificate" ("cert" is accepted).
	Kind string `yaml:"kind"`

	// Name is 1 to 127 letters, digits and dashes.
	Name string `yaml:"name"`

	// Deleted leaves the object soft-deleted, recoverable.
	Deleted bool `yaml:"deleted"`

	// Versions, oldest first. None is one version with every default.
	Versions []Version `yaml:"versions"`
}

// Version is one version of a seeded Object. Fields that do not concern the object's kind must be left out; Seed says
// so otherwise.
type Version struct {
	// ID is 32 hex digits. Empty makes one.
	ID string `yaml:"id"`

	// Value is a secret's text; a key's PEM private key; a certificate's PEM bundle with key, or base64 of PKCS#12.
	// Empty generates: keys and certificates by KeyType, secrets by Generate.
	Value Text `yaml:"value"`

	// Password opens a PKCS#12 Value. Certificates only.
	Password Text `yaml:"password"`

	// Generate is how many random characters a secret gets when Value is empty. 0 leaves the secret empty.
	Generate int `yaml:"generate"`

	// ContentType of a secret. Certificates say Format instead.
	ContentType string `yaml:"contentType"`

	// Enabled is true when left out.
	Enabled *bool `yaml:"enabled"`

	// NotBefore, Expires and Created are attributes; for a generated certificate the first two are its validity.
	// Left out: none for secrets and keys, 10 minutes ago and a year ahead for certificates; Created is now.
	NotBefore Instant `yaml:"nbf"`
	Expires   Instant `yaml:"exp"`
	Created   Instant `yaml:"created"`

	Tags map[string]string `yaml:"tags"`

	// KeyType is "RSA-2048", "RSA-3072", "RSA-4096", "EC-P256", "EC-P384", "EC-P521", or for keys also "oct-128",
	// "oct-192" and "oct-256". "-HSM" may follow. Empty is EC-P256, which costs nothing to make.
	KeyType string `yaml:"keyType"`

	// Format is what a certificate's secret holds: "pfx" or "pem". Empty is pfx.
	Format string `yaml:"format"`

	// Encoding of a pfx. Empty is the vault's.
	Encoding Encoding `yaml:"encoding"`

	// Exportable false keeps the private key out of a certificate's secret. True when left out.
	Exportable *bool `yaml:"exportable"`

	// Subject of a generated certificate, as "CN=www.example.com". Empty is CN=<name>.
	Subject string `yaml:"subject"`

	// DNSNames of a generated certificate.
	DNSNames []string `yaml:"dnsNames"`

	// Chain is how many intermediates stand between a generated leaf and a root of its own. 0 with Root false is
	// self-signed. At most 10.
	Chain int `yaml:"chain"`

	// Root adds the root to what a certificate's secret holds; it implies an issued leaf.
	Root bool `yaml:"root"`

	// Shuffle puts the certificates of the chain in an order no client should rely on: the leaf is not first.
	Shuffle bool `yaml:"shuffle"`
}

// Text is a secret value in a state file.
type Text struct{ secret.Value }

// TextOf is Text for seeds written in Go.
func TextOf(s string) Text { return Text{secret.NewValue([]byte(s))} }

// UnmarshalText takes the text as it stands.
func (t *Text) UnmarshalText(b []byte) error {
	t.Value = secret.NewValue(append([]byte(nil), b...))
	return nil
}
