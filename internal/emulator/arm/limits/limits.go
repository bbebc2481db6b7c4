// Package limits is how much of the resource manager a caller may use: a bucket for reads and one for writes, of each
// principal in each subscription, that refill all the time. It is counted from the times of requests, without a clock.
package limits

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"strongroom/internal/emulator/arm/wire"
)

// Limits are the sizes of the two buckets. Deleting is writing.
type Limits struct {
	Reads  Bucket `yaml:"reads"`
	Writes Bucket `yaml:"writes"`
}

// Bucket holds Burst requests and gets PerSecond of them back. The zero Bucket does not limit.
type Bucket struct {
	Burst     int     `yaml:"burst"`
	PerSecond float64 `yaml:"perSecond"`
}

// Meter counts. It may be used by many goroutines.
type Meter struct {
	limits Limits

	mu    sync.Mutex
	fills map[key]fill
}

type key struct {
	subscription, principal string
	write                   bool
}

type fill struct {
	left float64
	at   time.Time
}

// New makes a Meter with full buckets.
func New(l Limits) *Meter { return &Meter{limits: l, fills: map[key]fill{}} }

// Take uses up one request, or refuses it and says when there is one again.
func (m *Meter) Take(q wire.Request) *wire.Answer {
	k, bucket := m.of(q)
	if bucket.Burst == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	have, known := m.fills[k]
	if !known {
		have = fill{left: float64(bucket.Burst), at: q.Now}
	}
	have.left = math.Min(float64(bucket.Burst), have.left+bucket.PerSecond*max(0, q.Now.Sub(have.at).Seconds()))
	have.at = q.Now
	if have.left >= 1 {
		have.left--
		m.fills[k] = have
		return nil
	}
	m.fills[k] = have
	return throttled(k, bucket, have)
}

// Tell adds to an answer how much is left.
func (m *Meter) Tell(q wire.Request, a *wire.Answer) {
	k, bucket := m.of(q)
	if bucket.Burst == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.Header == nil {
		a.Header = map[string]string{}
	}
	a.Header["X-Ms-Ratelimit-Remaining-Subscription-"+k.word()] = strconv.Itoa(int(m.fills[k].left))
}

func (m *Meter) of(q wire.Request) (key, Bucket) {
	k := key{strings.ToLower(q.Path.Subscription), q.ObjectID, q.Method != http.MethodGet && q.Method != http.MethodHead}
	if k.write {
		return k, m.limits.Writes
	}
	return k, m.limits.Reads
}

func (k key) word() string {
	if k.write {
		return "Writes"
	}
	return "Reads"
}

// throttled tells how many whole seconds it takes until the next request fits; an hour from a bucket that never refills.
func throttled(k key, b Bucket, have fill) *wire.Answer {
	wait := time.Hour.Seconds()
	if b.PerSecond > 0 {
		wait = math.Max(1, math.Ceil((1-have.left)/b.PerSecond))
	}
	seconds := strconv.Itoa(int(wait))
	no := wire.Refuse(http.StatusTooManyRequests, "SubscriptionRequestsThrottled",
		"Number of '%s' requests for subscription '%s' actor '%s' exceeded. Please try again after '%s' seconds after additional tokens are available. "+
			"Refer to https://aka.ms/arm-throttling for additional information.", strings.ToLower(k.word()), k.subscription, k.principal, seconds)
	no.Header = map[string]string{"Retry-After": seconds, "X-Ms-Ratelimit-Remaining-Subscription-" + k.word(): "0"}
	return no
}
