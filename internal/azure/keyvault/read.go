package keyvault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Secret reads a secret; an empty version is the latest. A disabled secret is Denied.
func (c *Client) Secret(ctx context.Context, v Vault, token secret.Value, name, version string) (SecretBundle, error) {
	var got struct {
		Value       *string    `json:"value"`
		ID          *string    `json:"id"`
		ContentType string     `json:"contentType"`
		KID         string     `json:"kid"`
		Attributes  attributes `json:"attributes"`
	}
	what := call{vault: v, token: token, object: secret.Object{Kind: secret.Secret, Name: name, Version: version}}
	if err := c.read(ctx, what, &got); err != nil {
		return SecretBundle{}, err
	}
	if got.Value == nil {
		return SecretBundle{}, nonsense(what, "secret value is nil")
	}
	id, given, err := what.identity(got.ID)
	if err != nil {
		return SecretBundle{}, err
	}
	return SecretBundle{
		Value:       secret.NewValue([]byte(*got.Value)),
		ID:          id,
		Version:     given,
		ContentType: got.ContentType,
		KID:         got.KID,
		Enabled:     got.Attributes.enabled(),
		NotBefore:   moment(got.Attributes.NotBefore),
		Expires:     moment(got.Attributes.Expires),
	}, nil
}

// Key reads a key's public part; an empty version is the latest.
func (c *Client) Key(ctx context.Context, v Vault, token secret.Value, name, version string) (KeyBundle, error) {
	var got struct {
		Key *struct {
			KID *string   `json:"kid"`
			Kty string    `json:"kty"`
			Crv string    `json:"crv"`
			N   base64url `json:"n"`
			E   base64url `json:"e"`
			X   base64url `json:"x"`
			Y   base64url `json:"y"`
		} `json:"key"`
	}
	what := call{vault: v, token: token, object: secret.Object{Kind: secret.Key, Name: name, Version: version}}
	if err := c.read(ctx, what, &got); err != nil {
		return KeyBundle{}, err
	}
	if got.Key == nil {
		return KeyBundle{}, nonsense(what, "key value is nil")
	}
	id, given, err := what.identity(got.Key.KID)
	if err != nil {
		return KeyBundle{}, err
	}
	k := got.Key
	return KeyBundle{JWK: JWK{Type: k.Kty, Curve: k.Crv, N: k.N, E: k.E, X: k.X, Y: k.Y}, KID: id, Version: given}, nil
}

// Certificate reads a certificate; an empty version is the latest.
func (c *Client) Certificate(ctx context.Context, v Vault, token secret.Value, name, version string) (CertificateBundle, error) {
	var got struct {
		ID  *string `json:"id"`
		DER []byte  `json:"cer"`
	}
	what := call{vault: v, token: token, object: secret.Object{Kind: secret.Certificate, Name: name, Version: version}}
	if err := c.read(ctx, what, &got); err != nil {
		return CertificateBundle{}, err
	}
	if len(got.DER) == 0 {
		return CertificateBundle{}, nonsense(what, "certificate value is nil")
	}
	id, given, err := what.identity(got.ID)
	if err != nil {
		return CertificateBundle{}, err
	}
	return CertificateBundle{DER: got.DER, ID: id, Version: given}, nil
}

// read gets the object and decodes it into a bundle.
func (c *Client) read(ctx context.Context, what call, bundle any) error {
	p, err := path(what.object)
	if err != nil {
		return err
	}
	body, err := c.get(ctx, what, what.vault.String()+p+"?api-version="+APIVersion)
	if err != nil {
		return err
	}
	return decode(what, body, bundle)
}

// decode keeps the JSON error to itself: it may quote the body.
func decode(what call, body []byte, into any) error {
	if json.Unmarshal(body, into) != nil {
		return nonsense(what, "the answer is not the JSON of a "+string(what.object.Kind))
	}
	return nil
}

// identity is the object's id and version, made of the vault and name that were asked and the version in the answer.
func (c call) identity(id *string) (full, version string, err error) {
	if id == nil || *id == "" {
		return "", "", nonsense(c, noun(c.object.Kind)+" id is nil")
	}
	version, ok := versionOf(*id)
	if !ok {
		return "", "", nonsense(c, noun(c.object.Kind)+" id holds no version")
	}
	o := c.object
	o.Version = version
	p, err := path(o)
	return c.vault.String() + p, version, err
}

// nonsense is the fault of a success that is none. It never holds a part of the body. Its status says that the vault is
// up: without one it would be taken for an outage, and one odd object would shut the vault for everybody.
func nonsense(what call, message string) *fault.Error {
	f := fault.New(fault.Unavailable, what.subject(), "%s", message)
	f.Remote.Status = http.StatusOK
	return f
}

func noun(k secret.Kind) string {
	if k == secret.Certificate {
		return "certificate"
	}
	return string(k)
}

// attributes are an object's, with times in seconds since 1970.
type attributes struct {
	Enabled   *bool  `json:"enabled"`
	Created   *int64 `json:"created"`
	NotBefore *int64 `json:"nbf"`
	Expires   *int64 `json:"exp"`
}

func (a attributes) enabled() bool { return a.Enabled == nil || *a.Enabled }

func moment(unix *int64) *time.Time {
	if unix == nil {
		return nil
	}
	t := time.Unix(*unix, 0).UTC()
	return &t
}

// base64url is bytes in the alphabet of URLs, padded or not.
type base64url []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *base64url) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	return err
}
