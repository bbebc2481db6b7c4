package entra

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// assertion is a client assertion, read but not believed.
type assertion struct {
	token  *jwt.JSONWebToken
	header assertionHeader
	jwt.Claims
}

type assertionHeader struct {
	Algorithm string   `json:"alg"`
	KeyID     string   `json:"kid"`
	SHA1      string   `json:"x5t"`
	SHA256    string   `json:"x5t#S256"`
	Chain     []string `json:"x5c"`
}

// parseAssertion reads a signed JWT. The header is decoded a second time by hand: the spellings of thumbprints differ
// between SDKs, and the library's view of the header drops what it does not know.
func parseAssertion(raw string) (assertion, *refusal) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256, jose.PS256})
	if err != nil {
		return assertion{}, refuse(codeBadJWT, "It is not a JWT signed with RS256 or PS256.")
	}
	a := assertion{token: token}
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(text, &a.header) != nil {
		return assertion{}, refuse(codeBadJWT, "Its header cannot be read.")
	}
	if err := token.UnsafeClaimsWithoutVerification(&a.Claims); err != nil {
		return assertion{}, refuse(codeBadJWT, "Its claims cannot be read.")
	}
	if a.Expiry == nil {
		return assertion{}, refuse(codeBadJWT, "It has no expiry.")
	}
	return a, nil
}

// audience is the one audience an assertion has, or all of them as text where there are several.
func (a assertion) audience() string { return strings.Join(a.Audience, ",") }

// checkTimes refuses what is not yet or no longer valid.
func (a assertion) checkTimes(now time.Time, leeway time.Duration) *refusal {
	from := a.NotBefore
	if from == nil {
		from = a.IssuedAt
	}
	tooEarly := from != nil && now.Add(leeway).Before(from.Time())
	tooLate := !now.Add(-leeway).Before(a.Expiry.Time())
	if !tooEarly && !tooLate {
		return nil
	}
	return refuse(codeAssertionTimes, sevenDigits(now), sevenDigits(from.Time()), sevenDigits(a.Expiry.Time()))
}

// sevenDigits is the form of times in AADSTS700024, a hundred nanoseconds fine.
func sevenDigits(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
