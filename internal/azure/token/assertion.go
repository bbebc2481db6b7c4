package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // AD FS names certificates by their SHA-1
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"strongroom/internal/secret"
)

// assertionLife is how long a signed assertion can be used; it is used once, at once.
const assertionLife = 10 * time.Minute

// assertion signs a JWT (RFC 7523) by which the application proves itself to the token endpoint.
func (c *Certificate) assertion(audience, clientID string, now time.Time, legacy bool) (secret.Value, error) {
	header := map[string]string{"typ": "JWT"}
	if legacy {
		sum := sha1.Sum(c.leaf.Raw)
		header["alg"], header["x5t"] = "RS256", base64.RawURLEncoding.EncodeToString(sum[:])
	} else {
		sum := sha256.Sum256(c.leaf.Raw)
		header["alg"], header["x5t#S256"] = "PS256", base64.RawURLEncoding.EncodeToString(sum[:])
	}
	claims := map[string]any{
		"aud": audience,
		"iss": clientID,
		"sub": clientID,
		"jti": rand.Text(),
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(assertionLife).Unix(),
	}
	first, err := segment(header)
	if err != nil {
		return secret.Value{}, err
	}
	second, err := segment(claims)
	if err != nil {
		return secret.Value{}, err
	}
	signature, err := c.sign([]byte(first+"."+second), legacy)
	if err != nil {
		return secret.Value{}, err
	}
	return secret.NewValue([]byte(first + "." + second + "." + base64.RawURLEncoding.EncodeToString(signature))), nil
}

func (c *Certificate) sign(text []byte, legacy bool) ([]byte, error) {
	digest := sha256.Sum256(text)
	if legacy {
		return rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, digest[:])
	}
	return rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}

func segment(v any) (string, error) {
	text, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(text), err
}
