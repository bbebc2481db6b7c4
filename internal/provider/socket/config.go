package socket

import (
	"log/slog"
	"os"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/provider"
)

// defaultMessage is gRPC's own bound on a message, and so what a driver takes that says nothing.
const defaultMessage = 4 << 20

// ServerConfig is what a Server needs. Socket and Provider are required.
type ServerConfig struct {
	// Socket is the path to serve on, <dir>/<name>.sock. The directory must exist and be writable. Where users other
	// than root can write in it, they can put a socket of their own in its place.
	Socket string
	// Provider answers. It must honour its context; a mount it never returns from holds one of MaxMounts.
	Provider provider.Provider
	// Program and Version are the Version call's runtime_name and runtime_version. An empty Program is
	// "secrets-store-csi-driver-provider-azure", which people's tooling looks for.
	Program, Version string
	// Peers are the user ids that may connect. Empty means root and the server's own user. Whoever may connect can
	// ask on behalf of any pod whose credentials it holds.
	Peers []int
	// MaxMounts bounds how many mounts run at once; 0 means 256: more than one vault that hangs can hold, so that
	// it does not keep the pods of other vaults waiting. Each holds its content in memory until it is sent.
	MaxMounts int
	// MaxQueue bounds how many further mounts wait for their turn; beyond it a mount fails at once, asking to be
	// tried again. 0 means 1024, negative means none.
	MaxQueue int
	// MaxRequest bounds a request in bytes; 0 means 4 MiB. Secrets and attributes are at most 1 MiB each in a cluster.
	MaxRequest int
	// MaxAnswer bounds an answer in bytes, for drivers that do not state their own limit; 0 means 4 MiB, which is
	// what every driver takes unless told otherwise by --max-call-recv-msg-size.
	MaxAnswer int
	// Drain is how long mounts that are running may take to finish at shutdown; 0 means 5 s.
	Drain time.Duration
	// Log gets one line per mount, and for what a client cannot be told. Nil means none.
	Log *slog.Logger
	// Meter counts answered calls. Nil means none.
	Meter ServerMeter
	// Clock times calls. Nil means the machine's.
	Clock clock.Clock
}

// ServerMeter counts answered calls.
type ServerMeter interface {
	// ServedRPC says that a call was answered: its full method, its gRPC code by name and how long it took.
	ServedRPC(method, code string, took time.Duration)
}

// Config is what a Directory needs. Dirs is required.
type Config struct {
	// Dirs are the plugin directories, searched in this order for <name>.sock.
	Dirs []string
	// MaxRecv bounds an answer in bytes; 0 means 4 MiB. The driver's flag for it is --max-call-recv-msg-size.
	MaxRecv int
	// Timeout bounds one call, however long the caller would wait; 0 means 100 s, which leaves a driver time to
	// answer the kubelet within its two minutes.
	Timeout time.Duration
	// Connect bounds how long a provider may take to accept a connection; 0 means 5 s.
	Connect time.Duration
	// Wait is how long a first mount waits for a provider that is not there to come up, for example while its pod is being
	// replaced. 0 means that it fails at once and leaves trying again to the kubelet, as a volume that has content always
	// does.
	Wait time.Duration
	// Clock times Wait. Nil means the machine's.
	Clock clock.Clock
}

func (c ServerConfig) withDefaults() ServerConfig {
	c.Program = or(c.Program, "secrets-store-csi-driver-provider-azure")
	c.MaxMounts = or(c.MaxMounts, 256)
	c.MaxQueue = max(0, or(c.MaxQueue, 1024))
	c.MaxRequest = or(c.MaxRequest, defaultMessage)
	c.MaxAnswer = or(c.MaxAnswer, defaultMessage)
	c.Drain = or(c.Drain, 5*time.Second)
	c.Clock = or[clock.Clock](c.Clock, clock.Real{})
	if len(c.Peers) == 0 {
		c.Peers = []int{0, os.Geteuid()}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Meter == nil {
		c.Meter = noMeter{}
	}
	return c
}

func (c Config) withDefaults() Config {
	c.MaxRecv = or(c.MaxRecv, defaultMessage)
	c.Timeout = or(c.Timeout, 100*time.Second)
	c.Connect = or(c.Connect, 5*time.Second)
	c.Clock = or[clock.Clock](c.Clock, clock.Real{})
	return c
}

// or is v, or def where v is the zero value.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

type noMeter struct{}

func (noMeter) ServedRPC(string, string, time.Duration) {}
