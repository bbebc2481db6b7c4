package emulator

import (
	"net"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

// Config says what to play and where. The zero Config has no tenant and is refused; Default gives one that works.
type Config struct {
	// Document is who exists, which vaults there are, and who may what.
	Document state.Document
	// Addresses are where it listens; the zero value is free ports on 127.0.0.1.
	Addresses Addresses
	// StateFile keeps what the vaults hold, and the certificate authority, across restarts: in clear text, readable by
	// its owner alone. Empty keeps everything in memory.
	StateFile string
	// Clock dates tokens and objects, and waits for latencies; nil is the machine's.
	Clock clock.Clock
	// Records is how many requests the log keeps; counts are exact whatever it is. 0 is 10,000.
	Records int
	// TokenLifetime is how long Entra's tokens live, in whole seconds; 0 is what a real tenant gives.
	TokenLifetime time.Duration
	// Unheard makes it listen nowhere: only who holds the Go value can ask it, by Transport. Run is not for it.
	Unheard bool
}

// Addresses are listening addresses, "host:port". Empty is "127.0.0.1:0", a free port of loopback. Another host than
// loopback is meant for a network namespace of its own: there is no password on any of these doors.
type Addresses struct {
	TLS     string // every https name; on port 443 the URLs carry no port
	Proxy   string // CONNECT
	Control string // loopback only: it hands out tokens and the whole state
	NMI     string // host endpoint of pod identity
	// IMDS is per node of the document; 169.254.169.254:80 fits here in a namespace that has that address.
	IMDS map[string]string
}

const anyPort = "127.0.0.1:0"

// check refuses what would open the control endpoint to others.
func (a Addresses) check(d state.Document) error {
	var problems fault.List
	if a.Control != "" {
		host, _, err := net.SplitHostPort(a.Control)
		if err != nil || (host != "localhost" && !net.ParseIP(host).IsLoopback()) {
			problems = append(problems, fault.New(fault.Invalid, "control address "+a.Control, "must be on loopback: it hands out the whole state"))
		}
	}
	known := map[string]bool{}
	for _, n := range d.Nodes {
		known[n.Name] = true
	}
	for node := range a.IMDS {
		if !known[node] {
			problems = append(problems, fault.New(fault.Invalid, "imds address of "+node, "is for a node that is not in the document"))
		}
	}
	return problems.AsError()
}
