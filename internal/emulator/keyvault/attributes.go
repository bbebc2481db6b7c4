package keyvault

import (
	"unicode/utf8"

	"strongroom/internal/emulator/keyvault/store"
)

// attributesIn are what a client may set. A nil field is left as it is.
type attributesIn struct {
	Enabled    *bool  `json:"enabled"`
	NotBefore  *int64 `json:"nbf"`
	Expires    *int64 `json:"exp"`
	Exportable *bool  `json:"exportable"`
}

// attributesOut are what a client is shown; times are unix seconds.
type attributesOut struct {
	Enabled         bool   `json:"enabled"`
	NotBefore       int64  `json:"nbf,omitempty"`
	Expires         int64  `json:"exp,omitempty"`
	Created         int64  `json:"created"`
	Updated         int64  `json:"updated"`
	RecoveryLevel   string `json:"recoveryLevel,omitempty"`
	RecoverableDays int    `json:"recoverableDays,omitempty"`
	Exportable      *bool  `json:"exportable,omitempty"`
}

func (t Traits) retentionDays() int {
	if t.RetentionDays == 0 {
		return 90
	}
	return t.RetentionDays
}

func (t Traits) recoveryLevel() string {
	if t.PurgeProtection {
		return "Recoverable"
	}
	return "Recoverable+Purgeable"
}

func (c *call) attributes(v *store.Version) attributesOut {
	out := attributesOut{
		Enabled: v.Enabled, NotBefore: v.NotBefore, Expires: v.Expires, Created: v.Created, Updated: v.Updated,
		RecoveryLevel: c.traits.recoveryLevel(), RecoverableDays: c.traits.retentionDays(),
	}
	if v.Key != nil {
		out.Exportable = &v.Key.Exportable
	}
	return out
}

// fresh is a new enabled version with a client's attributes and tags.
func (c *call) fresh(in *attributesIn, tags map[string]string) (*store.Version, *failure) {
	now := c.now.Unix()
	v := &store.Version{ID: store.NewID(), Enabled: true, Created: now, Updated: now}
	return v, apply(v, in, tags)
}

// apply changes what the client named and nothing else. Tags are replaced whole, never changed in place: an answer
// under way may still hold the old ones.
func apply(v *store.Version, in *attributesIn, tags map[string]string) *failure {
	if f := checkTags(tags); f != nil {
		return f
	}
	if tags != nil {
		v.Tags = tags
	}
	if in == nil {
		return nil
	}
	if in.Enabled != nil {
		v.Enabled = *in.Enabled
	}
	if in.NotBefore != nil {
		v.NotBefore = *in.NotBefore
	}
	if in.Expires != nil {
		v.Expires = *in.Expires
	}
	return nil
}

// The service's limits.
const (
	maxTags        = 15
	maxTag         = 256 // characters of a name or value
	maxContentType = 255 // characters
	maxSecret      = 25 * 1024
)

func checkTags(tags map[string]string) *failure {
	if len(tags) > maxTags {
		return badParameter("The number of tags is %d; at most %d are allowed.", len(tags), maxTags)
	}
	for name, value := range tags {
		if utf8.RuneCountInString(name) > maxTag || utf8.RuneCountInString(value) > maxTag {
			return badParameter("A tag's name and value may have at most %d characters each.", maxTag)
		}
	}
	return nil
}

func checkContentType(text string) *failure {
	if utf8.RuneCountInString(text) > maxContentType {
		return badParameter("The content type may have at most %d characters.", maxContentType)
	}
	return nil
}
