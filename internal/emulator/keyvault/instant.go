package keyvault

import (
	"strings"
	"time"

	"strongroom/internal/fault"
)

// Instant is a time in a state file: absolute ("2030-01-02T03:04:05Z" or "2030-01-02") or relative to the seeding
// ("+720h", "-1h"). The zero Instant is none.
type Instant struct {
	at     time.Time
	offset time.Duration
	given  bool
}

// At is an absolute Instant.
func At(t time.Time) Instant { return Instant{at: t, given: true} }

// In is an Instant relative to the seeding; a negative d lies in the past.
func In(d time.Duration) Instant { return Instant{offset: d, given: true} }

// UnmarshalText reads the forms named at Instant; anything else is Invalid.
func (i *Instant) UnmarshalText(b []byte) error {
	text := string(b)
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fault.New(fault.Invalid, "time "+text, "is not a duration such as +720h or -30m")
		}
		*i = In(d)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			*i = At(t)
			return nil
		}
	}
	return fault.New(fault.Invalid, "time "+text, "is neither RFC 3339 nor a signed duration such as +720h")
}

// resolve is the unix time meant, and whether one was given.
func (i Instant) resolve(now time.Time) (int64, bool) {
	switch {
	case !i.given:
		return 0, false
	case i.at.IsZero():
		return now.Add(i.offset).Unix(), true
	}
	return i.at.Unix(), true
}
