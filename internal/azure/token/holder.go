package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"strongroom/internal/secret"
)

// Holder is whom an access token says it is for. Zero fields are not in it.
type Holder struct{ ObjectID, TenantID, ClientID string }

// HolderOf reads the claims of an access token without checking its signature, which only its audience can. It is worth
// as much as where the token came from; false when the token is not a JWT, which no one has promised.
func HolderOf(t secret.Value) (Holder, bool) {
	parts := bytes.Split(t.Reveal(), []byte{'.'})
	if len(parts) != 3 {
		return Holder{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimRight(parts[1], "=")))
	if err != nil {
		return Holder{}, false
	}
	var claims struct {
		ObjectID string `json:"oid"`
		TenantID string `json:"tid"`
		AppID    string `json:"appid"` // version 1 of access tokens
		Party    string `json:"azp"`   // version 2
	}
	if json.Unmarshal(payload, &claims) != nil {
		return Holder{}, false
	}
	if claims.AppID == "" {
		claims.AppID = claims.Party
	}
	return Holder{ObjectID: claims.ObjectID, TenantID: claims.TenantID, ClientID: claims.AppID}, true
}
