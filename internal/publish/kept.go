package publish

import (
	"encoding/json"
	"maps"
	"time"

	"strongroom/internal/secret"
)

// kept is what the kubelet last handed over for a volume, in memory only and in bytes of its own, so that they can be
// overwritten when the volume goes. What a provider is sent is a copy again, and left to the collector. The zero kept
// is nothing.
type kept struct {
	Volume
	target    string    // empty: nothing is kept
	tokensEnd time.Time // the first moment at which one of the tokens has ended; zero when that is not known
}

func keep(v Volume) kept {
	k := kept{Volume: v, target: v.Target, tokensEnd: endOf(v.Tokens)}
	k.Attributes = maps.Clone(v.Attributes)
	k.Tokens = v.Tokens.Clone()
	k.Secrets = make(map[string]secret.Value, len(v.Secrets))
	for key, value := range v.Secrets {
		k.Secrets[key] = value.Clone()
	}
	if v.Secrets == nil {
		k.Secrets = nil
	}
	return k
}

// erase overwrites what is secret and forgets the rest.
func (k *kept) erase() {
	k.Tokens.Erase()
	for _, value := range k.Secrets {
		value.Erase()
	}
	*k = kept{}
}

// usable says whether the volume may be published with what is kept. Tokens are not used past their end, nor when they
// do not say when that is: the kubelet's next republish brings new ones. A volume without tokens needs none.
func (k *kept) usable(now time.Time) bool {
	return k.target != "" && (k.Tokens.Len() == 0 || now.Before(k.tokensEnd))
}

// endOf is the earliest expirationTimestamp in the kubelet's JSON of tokens by audience; zero when one has none, or when
// it is something else.
func endOf(tokens secret.Value) (end time.Time) {
	var byAudience map[string]struct {
		Ends time.Time `json:"expirationTimestamp"`
	}
	if tokens.Len() == 0 || json.Unmarshal(tokens.Reveal(), &byAudience) != nil {
		return time.Time{}
	}
	for _, token := range byAudience {
		if token.Ends.IsZero() {
			return time.Time{}
		}
		if end.IsZero() || token.Ends.Before(end) {
			end = token.Ends
		}
	}
	return end
}

func sameSecrets(a, b map[string]secret.Value) bool {
	return maps.EqualFunc(a, b, func(x, y secret.Value) bool { return x.Equal(y) })
}
