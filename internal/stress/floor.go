package stress

import (
	"math"
	"time"
)

// floor is the fewest requests that a phase can take: docs/sharing.md's table, for all nodes together.
func (p Phase) floor(c Config) traffic {
	asked := p.Trouble + p.Calm
	if p.Blind {
		asked = p.Calm
	}
	rounds := asked.Seconds()/c.Interval.Seconds() + float64(p.Waves)
	if p.Blind { // what could not be asked for is due at once
		rounds++
	}
	if p.Retold > 1 {
		rounds += float64(p.Retold-1) * p.Trouble.Seconds() / c.Interval.Seconds()
	}
	reads := rounds * float64(c.reads())
	if p.Rolls { // of one principal on each node
		reads += float64(c.Nodes * c.Objects)
	}
	if p.Step > 0 { // one probe of each node
		reads += float64(c.Nodes) * p.Trouble.Seconds() / p.Step.Seconds()
	}
	lives := (p.Trouble + p.Calm).Seconds() / (tokenLife * 4 / 5).Seconds() // refreshed when a fifth is left
	tokens := math.Ceil(lives) * float64(c.principals())
	if p.Mute > 0 { // what the restarted providers lack, and one probe of each node as long as it is waited for
		tokens += float64(c.principals()) + float64(c.Nodes)*p.Mute.Seconds()/headerPatience.Seconds()
	}
	return traffic{Reads: int(math.Ceil(reads)), Tokens: int(math.Ceil(tokens))}
}

// What a storm must keep to, beside the floor.
const (
	// lateAfter is when a mount is late, once nothing is in its way: a kubelet may wait 2 min 2 s between two tries.
	lateAfter = lastRetry + 30*time.Second
	// grace is how much older than the interval content may be: what a vault with a limit takes to answer all nodes.
	grace = 30 * time.Second
	// factor is how many times the floor a phase may ask.
	factor = 1.5
)

// allowed is how old served content may grow.
func (p Phase) allowed(c Config) time.Duration {
	if p.Trouble > 0 {
		return p.Trouble + c.Interval + p.Held + grace
	}
	return c.Interval + grace
}
