package token

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/secret"
)

// longestLife bounds what is believed of a lifetime: the longest that Entra gives is 28 hours.
const longestLife = 7 * 24 * time.Hour

// answer is a token endpoint's success, in the spellings of Entra's v2 and v1 endpoints, IMDS and NMI: numbers may stand
// in quotes, and either form of the expiry may be missing.
type answer struct {
	AccessToken string          `json:"access_token"`
	TokenType   string          `json:"token_type"`
	ClientID    string          `json:"client_id"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	ExpiresOn   json.RawMessage `json:"expires_on"`
	RefreshIn   json.RawMessage `json:"refresh_in"`
	RefreshOn   json.RawMessage `json:"refresh_on"`
	NotBefore   json.RawMessage `json:"not_before"`
}

// readToken makes a token of a success body; asked is when the request was sent, which is the safe side to count a
// lifetime from.
func readToken(body []byte, subject string, asked time.Time) (Token, error) {
	var a answer
	if json.Unmarshal(body, &a) != nil {
		return Token{}, nonsense(subject, "the answer is not the JSON of a token")
	}
	return a.token(subject, asked)
}

func (a answer) token(subject string, asked time.Time) (Token, error) {
	if !sendable(a.AccessToken) {
		return Token{}, nonsense(subject, "the answer holds no access token")
	}
	if a.TokenType != "" && !strings.EqualFold(a.TokenType, "Bearer") {
		return Token{}, nonsense(subject, "the answer holds a token that is no bearer token")
	}
	life, known := a.life(asked)
	if !known {
		return Token{}, nonsense(subject, "the answer does not say when the token expires")
	}
	if life <= 0 {
		return Token{}, nonsense(subject, "the answer holds a token that has expired already").
			Mend("compare the node's clock with the real time: timedatectl")
	}
	begins, _ := moment(a.NotBefore)
	return Token{
		Value:     secret.NewValue([]byte(a.AccessToken)),
		ExpiresOn: asked.Add(life),
		RefreshOn: asked.Add(a.refresh(asked, life)),
		NotBefore: begins,
		ClientID:  a.ClientID,
	}, nil
}

// life is how long the token lasts from asked. Of two statements the shorter counts: IMDS and NMI hand out tokens from a
// cache and may repeat an expires_in that has run down. An expires_on in the past beside a positive expires_in is a
// clock that differs from ours, and does not count.
func (a answer) life(asked time.Time) (life time.Duration, known bool) {
	in, haveIn := seconds(a.ExpiresIn)
	on, haveOn := moment(a.ExpiresOn)
	until := on.Sub(asked)
	switch {
	case haveIn && haveOn && until > 0:
		life = min(in, until)
	case haveIn:
		life = in
	case haveOn:
		life = until
	default:
		return 0, false
	}
	return min(life, longestLife), true
}

// refresh is when to ask anew, from asked, never after the end of life.
func (a answer) refresh(asked time.Time, life time.Duration) time.Duration {
	if in, ok := seconds(a.RefreshIn); ok && in > 0 {
		return min(in, life)
	}
	if on, ok := moment(a.RefreshOn); ok && on.After(asked) {
		return min(on.Sub(asked), life)
	}
	if life > 2*time.Hour {
		return life / 2
	}
	return life / 5 * 4
}

// seconds reads 3599, "3599" or 3599.0.
func seconds(raw json.RawMessage) (time.Duration, bool) {
	n, err := strconv.ParseFloat(unquoted(raw), 64)
	if err != nil || n != n {
		return 0, false
	}
	limit := longestLife.Seconds()
	return time.Duration(max(-limit, min(n, limit))) * time.Second, true
}

// moment reads seconds since 1970 in the same forms, or one of the dates that Azure's token sources have used.
func moment(raw json.RawMessage) (time.Time, bool) {
	text := unquoted(raw)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n <= 0 || n > 1e11 { // the year 5138: milliseconds, or nonsense
			return time.Time{}, false
		}
		return time.Unix(int64(n), 0), true
	}
	for _, layout := range []string{time.RFC3339, "01/02/2006 15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func unquoted(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return strings.TrimSpace(s)
	}
	return string(raw)
}

// sendable says whether a token fits into a header: anything else would fail later with an obscure message.
func sendable(token string) bool {
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return token != ""
}
