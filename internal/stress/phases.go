package stress

import (
	"time"

	"strongroom/internal/emulator"
)

// Phase is one kind of weather.
type Phase struct {
	Name    string
	Tried   string        // in a sentence, for the report
	Trouble time.Duration // how long it lasts
	Calm    time.Duration // and how long nothing is in the way afterwards
	Rolls   bool          // some pods are replaced in it
	Blind   bool          // nobody can be answered while it lasts
	Waves   int           // times that all pods come anew
	Step    time.Duration // between two probes of a node while it lasts; 0: there are none
	Retold  int           // requests for each answer while it lasts; 0 is 1
	Held    time.Duration // for how long a volume waits after a failure that somebody must mend
	Mute    time.Duration // the time in which Entra answers nobody

	begin, end func(*storm) error
}

// entraMute is how long Entra is so slow that nobody waits for it.
const entraMute = 2 * time.Minute

// throttleFor is the Retry-After of the phase in which the vault throttles.
const throttleFor = 10 * time.Second

// Phases are all of them, in turn.
func Phases(c Config) []Phase {
	i := c.Interval
	all := []Phase{
		{Name: "arrival", Tried: "nodes come within one interval, each with all of its pods", Trouble: i, Calm: i, Waves: 1},
		{Name: "steady", Tried: "nothing happens", Calm: 3 * i, Rolls: true},
		{Name: "restart", Tried: "all pods of all nodes restart at one moment", Calm: 3 * i, Waves: 1, begin: (*storm).restartPods},
		{Name: "throttled", Tried: "the vault answers everybody with 429 and `Retry-After: 10` for two intervals", Trouble: 2 * i, Calm: 2 * i, Rolls: true,
			Blind: true, Step: throttleFor, begin: fault(emulator.Fault{Service: "keyvault", Status: 429, RetryAfter: throttleFor})},
		{Name: "vault down", Tried: "the vault resets every connection for ten intervals", Trouble: 10 * i, Calm: 2 * i, Rolls: true,
			Blind: true, Step: 15 * time.Second, begin: fault(emulator.Fault{Service: "keyvault", Outage: true})},
		{Name: "slow Entra", Tried: "all providers restart; Entra takes 25 s for an answer, which nobody waits for, then 15 s, then is well",
			Trouble: 2 * i, Calm: 2 * i, Rolls: true, Mute: entraMute, begin: (*storm).slowEntra},
		{Name: "cut answers", Tried: "every second answer of the vault breaks off half way for two intervals", Trouble: 2 * i, Calm: 2 * i, Rolls: true,
			Retold: 2, begin: fault(emulator.Fault{Service: "keyvault", CutBody: true, Every: 2})},
		{Name: "clock ahead", Tried: "the nodes' wall clocks jump an hour forward, and back after two intervals", Trouble: 2 * i, Calm: 2 * i, Rolls: true,
			Blind: true, Held: 2 * time.Minute, begin: jump(time.Hour), end: jump(0)},
		{Name: "clock behind", Tried: "the nodes' wall clocks jump an hour back, and forward after two intervals", Trouble: 2 * i, Calm: 2 * i, Rolls: true,
			Blind: true, Held: 2 * time.Minute, begin: jump(-time.Hour), end: jump(0)},
		{Name: "new keys", Tried: "the cluster signs with a new key and all service account tokens are replaced; all of Entra's tokens end once",
			Calm: tokenLife, Rolls: true, begin: (*storm).rotateKeys},
	}
	if c.Only > 0 {
		return all[:c.Only]
	}
	return all
}

func (p Phase) orCalm() Phase {
	if p.begin == nil {
		p.begin = func(*storm) error { return nil }
	}
	if p.end == nil {
		p.end = func(s *storm) error { return s.azure.SetFaults(nil) }
	}
	return p
}

func fault(list ...emulator.Fault) func(*storm) error {
	return func(s *storm) error { return s.azure.SetFaults(list) }
}

func jump(by time.Duration) func(*storm) error {
	return func(s *storm) error {
		s.wrong.Store(int64(by))
		return nil
	}
}

func (s *storm) restartPods() error {
	for _, n := range s.nodes {
		for _, p := range n.pods {
			p.restart()
		}
	}
	return nil
}

// slowEntra begins so slow that nobody waits for it.
func (s *storm) slowEntra() error {
	for _, n := range s.nodes {
		n.restartProvider()
	}
	time.AfterFunc(entraMute, func() {
		if err := s.azure.SetFaults([]emulator.Fault{{Service: "entra", Latency: 15 * time.Second}}); err != nil {
			s.complain("the fault cannot be changed: %v", err)
		}
	})
	return s.azure.SetFaults([]emulator.Fault{{Service: "entra", Latency: 25 * time.Second}})
}

func (s *storm) rotateKeys() error {
	for _, n := range s.nodes {
		n.forgetProofs()
	}
	return s.azure.RotateIssuer()
}
