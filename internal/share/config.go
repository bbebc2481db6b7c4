package share

import (
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/share/budget"
)

// Config says how much a Pool keeps and how hard it may ask. The zero value is usable: every field has a default.
type Config struct {
	// Clock is the time everything here is measured by. Nil is the machine's clock.
	Clock clock.Clock
	// Rand gives numbers in [0, 1) that spread back-off steps. Nil is math/rand; it guards nothing secret.
	Rand func() float64

	// MaxEntries bounds the answers and tokens kept, 0 meaning 10,000 and a negative number that
	// nothing is kept. Too low costs requests and last known goods.
	MaxEntries int
	// MaxBytes bounds their size together, keys and bookkeeping included; 0 means 64 MiB. A principal's secrets stand in
	// the process's memory up to this much.
	MaxBytes int
	// MaxIdle is how long what nobody is given stays; 0 means one hour, negative for ever. Shorter than a rotation
	// interval or than a last known good may be old, it costs requests and last known goods, never a wrong answer. See
	// Pool.Run.
	MaxIdle time.Duration

	// MaxFlights bounds the requests in the air to all vaults together, and as many to all authorities; 0 means 256.
	// What is over the bound waits for as long as its context allows.
	MaxFlights int
	// MaxPerVault bounds the requests in the air to one vault or authority; 0 means 32.
	MaxPerVault int
	// PerVault overrides MaxPerVault for the vaults and authorities it names, e.g. IMDS, which serves five at a time.
	PerVault map[string]int
	// MaxVaults bounds the vaults, and as many authorities, whose pause and counts are remembered; 0 means 1,024. Beyond
	// it the one that has rested longest is forgotten, paused ones last.
	MaxVaults int
	// MaxWait is the longest a caller waits for a paused vault; 0 means 5 s, negative not at all. A caller that would
	// have to wait longer, or whose deadline comes first, fails at once and is told until when the pause lasts.
	MaxWait time.Duration

	// Reauthorise is the age at which an immutable answer is asked for again, so that a withdrawn permission is noticed;
	// 0 means one hour, negative never.
	Reauthorise time.Duration
	// TokenMargin is how long a token must still be good to be handed out again; 0 means one minute.
	TokenMargin time.Duration
}

func (c Config) withDefaults() Config {
	c.MaxEntries = orInt(c.MaxEntries, 10_000)
	c.MaxBytes = orInt(c.MaxBytes, 64<<20)
	c.MaxFlights = orInt(c.MaxFlights, 256)
	c.MaxIdle = orDuration(c.MaxIdle, time.Hour)
	c.MaxWait = orDuration(c.MaxWait, 5*time.Second)
	c.Reauthorise = orDuration(c.Reauthorise, time.Hour)
	c.TokenMargin = orDuration(c.TokenMargin, time.Minute)
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return c
}

// budgets is the part of the configuration that package budget obeys.
func (c Config) budgets() budget.Config {
	return budget.Config{
		Clock: c.Clock, Rand: c.Rand, MaxInside: c.MaxFlights,
		MaxPerName: c.MaxPerVault, PerName: c.PerVault, MaxNames: c.MaxVaults,
	}
}

func orInt(v, standard int) int {
	if v == 0 {
		return standard
	}
	return v
}

func orDuration(v, standard time.Duration) time.Duration {
	if v == 0 {
		return standard
	}
	return v
}
