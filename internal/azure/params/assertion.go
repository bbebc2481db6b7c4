package params

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// noTokens is the cause when the kubelet sent none at all.
const noTokens = "service account tokens not found"

// assertion picks the service account token of the first audience that is there and checks that it is the pod's own.
// No failure repeats anything a token holds, nor wraps a decoder's error, which may.
func (d *decoder) assertion(pod secret.Pod, audiences ...string) (*Assertion, *fault.Error) {
	text := d.tokens()
	if len(text) == 0 {
		return nil, tokenFailure(fault.Invalid, noTokens).Mend("the CSIDriver object needs a tokenRequests entry with audience: %q", audiences[0])
	}
	var tokens map[string]struct {
		Token string `json:"token"`
	}
	if len(text) > maxTokensText || json.Unmarshal(text, &tokens) != nil {
		return nil, tokenFailure(fault.Invalid, "failed to unmarshal service account tokens, error: not a JSON object of tokens by audience")
	}
	for _, audience := range audiences {
		if t := tokens[audience].Token; t != "" {
			return check(pod, audience, t)
		}
	}
	return nil, tokenFailure(fault.Invalid, "token for audience "+audiences[0]+" not found").
		Mend("the CSIDriver object needs a tokenRequests entry with audience: %q", audiences[0])
}

// tokens is the kubelet's document: among the attributes, or from Kubernetes 1.35 on among the secrets.
func (d *decoder) tokens() []byte {
	if v, ok := d.in.Secrets[secretsstore.AttrServiceAccountToken]; ok && v.Len() > 0 {
		return bytes.TrimSpace(v.Reveal())
	}
	return []byte(strings.TrimSpace(d.in.Attributes[secretsstore.AttrServiceAccountToken]))
}

func tokenFailure(kind fault.Kind, message string) *fault.Error {
	return fault.New(kind, "attribute "+secretsstore.AttrServiceAccountToken, "%s", message)
}

// claims is the part of a token that decides who it speaks for. Audience may be one word or a list.
type claims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	NotBefore *float64        `json:"nbf"`
	Expires   *float64        `json:"exp"`
}

// check holds a token against the pod. The signature is left to Azure, which alone has the issuer's keys: what is
// kept out here is the honest mistake and the token of another pod, shown to get at what was cached for that one.
func check(pod secret.Pod, audience, raw string) (*Assertion, *fault.Error) {
	c, ok := parseClaims(raw)
	if !ok {
		return nil, tokenFailure(fault.Invalid, "the token for audience "+audience+" is not a JSON web token")
	}
	subject := "system:serviceaccount:" + pod.Namespace + ":" + pod.ServiceAccount
	switch {
	case c.Issuer == "":
		return nil, tokenFailure(fault.Invalid, "the token for audience "+audience+" names no issuer")
	case pod.ServiceAccount == "" || c.Subject != subject:
		return nil, tokenFailure(fault.Denied, "the token for audience "+audience+" is not of the pod's own "+subject)
	case !slices.Contains(c.audiences(), audience):
		return nil, tokenFailure(fault.Denied, "the token for audience "+audience+" is for another audience")
	}
	expires, ok := moment(c.Expires)
	if !ok || expires.IsZero() {
		return nil, tokenFailure(fault.Invalid, "the token for audience "+audience+" says no time of expiry")
	}
	notBefore, ok := moment(c.NotBefore)
	if !ok {
		return nil, tokenFailure(fault.Invalid, "the token for audience "+audience+" says no proper time to begin")
	}
	return &Assertion{
		Raw:       secret.NewValue([]byte(raw)),
		Issuer:    c.Issuer,
		Subject:   c.Subject,
		Audience:  audience,
		NotBefore: notBefore,
		Expires:   expires,
	}, nil
}

func parseClaims(raw string) (claims, bool) {
	var c claims
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return c, false
	}
	for _, part := range parts {
		if strings.ContainsAny(part, "\r\n") { // the decoder skips them; a header or form must not carry them
			return c, false
		}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	return c, err == nil && json.Unmarshal(payload, &c) == nil
}

func (c claims) audiences() []string {
	var list []string
	if json.Unmarshal(c.Audience, &list) == nil {
		return list
	}
	var one string
	if json.Unmarshal(c.Audience, &one) == nil {
		return []string{one}
	}
	return nil
}

// moment is a claim's time, zero when the claim is absent; not ok for numbers that are no date.
func moment(seconds *float64) (time.Time, bool) {
	switch {
	case seconds == nil:
		return time.Time{}, true
	case *seconds < 1 || *seconds > 1<<37:
		return time.Time{}, false
	}
	return time.Unix(int64(*seconds), 0).UTC(), true
}
