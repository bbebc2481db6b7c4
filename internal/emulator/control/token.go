package control

import (
	"encoding/json"
	"net/http"
	"time"

	"strongroom/internal/fault"
)

// What a token gets when its request does not say.
const (
	usualAudience = "api://AzureADTokenExchange"
	usualTTL      = time.Hour
	longestTTL    = 24 * time.Hour
)

// token mints a service account token: {"namespace", "name", "audience", "ttl": "1h"}; the last two may be left out. The
// answer has the shape of a Kubernetes token request's status, which is what drivers are handed too.
func (c Config) token(r *http.Request) (any, error) {
	var ask struct{ Namespace, Name, Audience, TTL string }
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&ask); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "service account token", "the request is not the JSON expected")
	}
	if ask.Namespace == "" || ask.Name == "" {
		return nil, fault.New(fault.Invalid, "service account token", "needs namespace and name")
	}
	ttl, err := readTTL(ask.TTL)
	if err != nil {
		return nil, err
	}
	if ask.Audience == "" {
		ask.Audience = usualAudience
	}
	token, expires, err := c.Mint(ask.Namespace, ask.Name, ask.Audience, ttl)
	if err != nil {
		return nil, err
	}
	return map[string]string{"token": token, "expirationTimestamp": expires.UTC().Format(time.RFC3339)}, nil
}

func readTTL(text string) (time.Duration, error) {
	if text == "" {
		return usualTTL, nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl <= 0 || ttl > longestTTL {
		return 0, fault.New(fault.Invalid, "ttl", "must be a duration such as 10m, at most %s", longestTTL)
	}
	return ttl, nil
}
