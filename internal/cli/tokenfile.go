package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// audiencesOf reads whom a service account token is for. Its signature is for Azure to check.
func audiencesOf(token string) (audiences []string, expires time.Time, err error) {
	var claims struct {
		Audience json.RawMessage `json:"aud"`
		Expires  int64           `json:"exp"`
	}
	parts := strings.Split(token, ".")
	malformed := fault.New(fault.Invalid, "--token-file", "holds no service account token (a JWT of three parts)").
		Mend("kubectl create token NAME --audience api://AzureADTokenExchange > FILE")
	if len(parts) != 3 {
		return nil, expires, malformed
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return nil, expires, malformed
	}
	var one string
	if json.Unmarshal(claims.Audience, &one) == nil {
		audiences = []string{one}
	} else if json.Unmarshal(claims.Audience, &audiences) != nil {
		return nil, expires, malformed
	}
	return audiences, time.Unix(claims.Expires, 0), nil
}

// kubeletTokens is the kubelet's JSON: a token and its expiry by audience.
func kubeletTokens(audiences []string, mint func(audience string) (string, time.Time, error)) (secret.Value, error) {
	tokens := map[string]map[string]string{}
	for _, audience := range audiences {
		token, expires, err := mint(audience)
		if err != nil {
			return secret.Value{}, err
		}
		tokens[audience] = map[string]string{"token": token, "expirationTimestamp": expires.UTC().Format(time.RFC3339)}
	}
	text, err := json.Marshal(tokens)
	return secret.NewValue(text), err
}
