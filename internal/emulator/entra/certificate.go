package entra

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"
)

// checkCertificate verifies an assertion the client signed itself, against its registered certificates.
func (s *Server) checkCertificate(req tokenRequest, client holder, a assertion) *refusal {
	now := s.clock.Now()
	if a.Subject != "" && !equalID(a.Subject, client.ClientID) {
		return refuse(codeWrongAssertionID)
	}
	thumbprint, refused := a.thumbprint()
	if refused != nil {
		return refused
	}
	cert := client.certificate(thumbprint)
	if cert == nil {
		return refuse(codeAssertionKey, "The key was not found.", upperHex(thumbprint))
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return refuse(codeAssertionKey, "The key used is expired.", upperHex(thumbprint))
	}
	if err := a.token.Claims(cert.PublicKey, new(jwt.Claims)); err != nil {
		return refuse(codeAssertionKey, "The provided signature value did not match the expected signature value.", upperHex(thumbprint))
	}
	if !s.isOurEndpoint(req, a.Audience) {
		return refuse(codeWrongAssertionAud)
	}
	return a.checkTimes(now, s.leeway)
}

// thumbprint names the certificate the assertion says it was signed with: 20 bytes are SHA-1, 32 are SHA-256. A chain
// without a thumbprint speaks for its first certificate; one that contradicts the thumbprint is malformed.
func (a assertion) thumbprint() ([]byte, *refusal) {
	var leaf []byte
	if len(a.header.Chain) > 0 {
		leaf, _ = base64.StdEncoding.DecodeString(a.header.Chain[0])
	}
	for _, text := range []string{a.header.SHA256, a.header.SHA1, a.header.KeyID} {
		if text == "" {
			continue
		}
		thumbprint := decodeThumbprint(text)
		if thumbprint == nil {
			return nil, refuse(codeBadJWT, "The certificate thumbprint in its header cannot be read.")
		}
		if leaf != nil && !matches(leaf, thumbprint) {
			return nil, refuse(codeBadJWT, "The certificate in its header is not the one of the thumbprint.")
		}
		return thumbprint, nil
	}
	if leaf == nil {
		return nil, refuse(codeBadJWT, "No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.")
	}
	sum := sha256.Sum256(leaf)
	return sum[:], nil
}

// decodeThumbprint takes base64 in either alphabet, padded or not, and hexadecimal: every spelling SDKs send. nil when
// the length is no hash's.
func decodeThumbprint(text string) []byte {
	isHash := func(b []byte, err error) bool { return err == nil && (len(b) == sha1.Size || len(b) == sha256.Size) }
	if b, err := hex.DecodeString(text); isHash(b, err) {
		return b
	}
	plain := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text)
	if b, err := base64.RawURLEncoding.DecodeString(plain); isHash(b, err) {
		return b
	}
	return nil
}

func (h *holder) certificate(thumbprint []byte) *x509.Certificate {
	for _, c := range h.certificates {
		if matches(c.Certificate.Raw, thumbprint) {
			return c.Certificate
		}
	}
	return nil
}

func matches(der, thumbprint []byte) bool {
	if len(thumbprint) == sha1.Size {
		sum := sha1.Sum(der)
		return bytes.Equal(sum[:], thumbprint)
	}
	sum := sha256.Sum256(der)
	return bytes.Equal(sum[:], thumbprint)
}

func upperHex(b []byte) string { return fmt.Sprintf("%X", b) }

// isOurEndpoint reports whether the audience is this tenant's token endpoint, of either version and under any of this
// authority's names, or its issuer.
func (s *Server) isOurEndpoint(req tokenRequest, audience jwt.Audience) bool {
	if len(audience) != 1 {
		return false
	}
	u, err := url.Parse(audience[0])
	if err != nil || u.Scheme != "https" || !s.knowsHost(req.host, u.Host) {
		return false
	}
	tenantRef, endpoint := splitPath(u.Path)
	tenant, ok := s.tenantOf(tenantRef)
	if !ok || tenant.ID != req.tenant.ID {
		return false
	}
	switch endpoint {
	case "oauth2/v2.0/token", "oauth2/token", "v2.0":
		return true
	}
	return false
}
