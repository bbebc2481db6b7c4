package stress

import "time"

// Config is the size of a storm. Full and Short are those that are run.
type Config struct {
	Nodes    int
	Pods     int           // of each node
	Accounts int           // ServiceAccounts that a node's pods are spread over: principals, to Azure
	Objects  int           // of each pod
	Interval time.Duration // of rotation
	Limit    int           // requests that the vault answers in 10 s
	Only     int           // the first phases of all; 0: all of them
	Dir      string        // where the volumes are; what is below it is the storm's
	Seed     uint64        // of everything that is left to chance
	Done     func(Row)     // is told of each phase when it is over; nil is not told
}

// What every storm has in common.
const (
	republishEvery = time.Minute           // a kubelet's, and up to half as much again
	vaultLatency   = 20 * time.Millisecond // of an answer of the vault
	entraLatency   = 40 * time.Millisecond
	headerPatience = 20 * time.Second // the provider's with a silent Azure, as transport has it
	callPatience   = 30 * time.Second
	kubeletTime    = 2 * time.Minute // a kubelet's patience with a publish
	proofLife      = time.Hour       // of a service account token
	tokenLife      = 10 * time.Minute
	bucket         = 10 * time.Second // of the plot
)

// Full is the storm of `make stress`: Azure's published limit, 8,000 pods.
func Full() Config {
	return Config{Nodes: 200, Pods: 40, Accounts: 4, Objects: 10, Interval: 2 * time.Minute, Limit: 4000, Seed: 1}
}

// Tenth is a tenth of it, under a tenth of the limit, for a machine that has no ten minutes.
func Tenth() Config {
	c := Full()
	c.Nodes, c.Limit = c.Nodes/10, c.Limit/10
	return c
}

// Short is for CI: the same weather, a hundred pods, and the limit that goes with them.
func Short() Config {
	c := Full()
	c.Nodes, c.Pods, c.Limit = 5, 20, 100
	return c
}

// Breeze is for `make test`: fewer still, and good weather.
func Breeze() Config {
	c := Short()
	c.Nodes, c.Pods, c.Limit, c.Only = 2, 8, 40, 3
	return c
}

// principals is how many callers Azure sees.
func (c Config) principals() int { return c.Nodes * c.Accounts }

// reads is what one round of asking for everything takes.
func (c Config) reads() int { return c.principals() * c.Objects }
