package entra

import (
	"crypto/x509"
	"encoding/pem"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// ClientSecret is a password of an application. A zero Expires never expires. Printing one shows no value; only its
// YAML form, which is the emulator's state file, holds it.
type ClientSecret struct {
	KeyID   string       // GUID of the credential; derived from its name when empty
	Name    string       // for people
	Value   secret.Value // what the client sends
	Expires time.Time
}

type clientSecretYAML struct {
	KeyID   string    `yaml:"keyId,omitempty"`
	Name    string    `yaml:"name,omitempty"`
	Value   string    `yaml:"value"`
	Expires time.Time `yaml:"expires,omitempty"`
}

// MarshalYAML writes the value in clear: the state file is where a secret is at rest, and whoever asked for one was
// told so.
func (s ClientSecret) MarshalYAML() (any, error) {
	return clientSecretYAML{s.KeyID, s.Name, string(s.Value.Reveal()), s.Expires}, nil
}

// UnmarshalYAML reads the form MarshalYAML writes.
func (s *ClientSecret) UnmarshalYAML(decode func(any) error) error {
	var y clientSecretYAML
	if err := decode(&y); err != nil {
		return err
	}
	*s = ClientSecret{KeyID: y.KeyID, Name: y.Name, Value: secret.NewValue([]byte(y.Value)), Expires: y.Expires}
	return nil
}

// ClientCertificate is the public half of a key an application signs its assertions with. Its validity is the
// certificate's own.
type ClientCertificate struct {
	Name        string
	Certificate *x509.Certificate
}

type clientCertificateYAML struct {
	Name string `yaml:"name,omitempty"`
	PEM  string `yaml:"pem"`
}

// ParseClientCertificate reads the first certificate of a PEM file; keys in the file are passed over.
func ParseClientCertificate(name string, text []byte) (ClientCertificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return ClientCertificate{}, fault.Wrap(err, fault.Invalid, "certificate "+name, "cannot be read")
		}
		return ClientCertificate{Name: name, Certificate: cert}, nil
	}
	return ClientCertificate{}, fault.New(fault.Invalid, "certificate "+name, "holds no PEM block of type CERTIFICATE")
}

// MarshalYAML writes the certificate as PEM.
func (c ClientCertificate) MarshalYAML() (any, error) {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate.Raw})
	return clientCertificateYAML{c.Name, string(block)}, nil
}

// UnmarshalYAML reads the form MarshalYAML writes.
func (c *ClientCertificate) UnmarshalYAML(decode func(any) error) error {
	var y clientCertificateYAML
	if err := decode(&y); err != nil {
		return err
	}
	parsed, err := ParseClientCertificate(y.Name, []byte(y.PEM))
	*c = parsed
	return err
}

// FederatedCredential says whose assertions are taken in place of a secret: a token of exactly this issuer, subject and
// audience, compared byte for byte.
type FederatedCredential struct {
	Name     string `yaml:"name"`     // 3 to 120 of [A-Za-z0-9_-], the first a letter or digit
	Issuer   string `yaml:"issuer"`   // https URL; a trailing slash counts
	Subject  string `yaml:"subject"`  // e.g. system:serviceaccount:shop:web
	Audience string `yaml:"audience"` // usually api://AzureADTokenExchange
	// Description is for people.
	Description string `yaml:"description,omitempty"`
	// Created is when it was registered; Config.PropagationDelay counts from here. Zero is long ago.
	Created time.Time `yaml:"created,omitempty"`
}
