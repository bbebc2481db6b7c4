package socket

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/unixsock"
)

// Server serves one provider on one socket: the protocol's two calls, and gRPC's health service, which says SERVING
// from the first moment until shutdown. It runs once.
type Server struct {
	cfg    ServerConfig
	lis    *unixsock.Listener
	grpc   *grpc.Server
	health *health.Server
}

// NewServer checks the configuration. It binds and starts nothing. Errors are of kind Invalid.
func NewServer(cfg ServerConfig) (*Server, error) {
	var problems fault.List
	if cfg.Socket == "" {
		problems = append(problems, fault.New(fault.Invalid, "socket", "is not given"))
	}
	if cfg.Provider == nil {
		problems = append(problems, fault.New(fault.Invalid, "provider", "is not given"))
	}
	if cfg.MaxMounts < 0 || cfg.MaxRequest < 0 || cfg.MaxAnswer < 0 || cfg.Drain < 0 {
		problems = append(problems, fault.New(fault.Invalid, "socket server", "a bound is below 0"))
	}
	if err := problems.AsError(); err != nil {
		return nil, err
	}
	return &Server{cfg: cfg.withDefaults()}, nil
}

// Listen binds the socket, so that the caller knows of a clash before it starts anything else; Run does it where the
// caller did not. Whoever connects from now on waits for Run. A socket without a living server is replaced; a living
// one gives Busy, anything that is no socket Invalid, an unusable directory Internal.
func (s *Server) Listen() error {
	lis, err := unixsock.Listen(s.cfg.Socket)
	if err != nil {
		return err
	}
	s.lis = lis
	s.health = health.NewServer()
	s.grpc = s.cfg.newGRPC()
	api.RegisterCSIDriverProviderServer(s.grpc, &service{cfg: s.cfg, gate: newGate(s.cfg.MaxMounts, s.cfg.MaxQueue)})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	return nil
}

// newGRPC has no bound on streams: a driver beyond it would wait without a word, where the gate tells it.
func (c ServerConfig) newGRPC() *grpc.Server {
	watch := observer{log: c.Log, meter: c.Meter, clock: c.Clock}
	return grpc.NewServer(
		grpc.Creds(peerCredentials{}),
		grpc.InTapHandle(newDoorkeeper(c.Peers, c.Log).admit),
		grpc.UnaryInterceptor(watch.unary),
		grpc.MaxRecvMsgSize(c.MaxRequest),
		grpc.MaxSendMsgSize(math.MaxInt32), // encodeResponse has the better words
		grpc.ConnectionTimeout(5*time.Second),
	)
}

// Run serves until ctx is done, then lets running mounts finish for as long as Drain allows, removes the socket and
// returns nil. Any other end of serving is an error.
func (s *Server) Run(ctx context.Context) error {
	if s.lis == nil {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	group := errgroup.Group{}
	group.Go(func() error {
		defer cancel()
		if err := s.grpc.Serve(s.lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fault.Wrap(err, fault.Internal, s.cfg.Socket, "stopped serving")
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		s.stop()
		return nil
	})
	return group.Wait()
}

// lastWords is how long mounts whose calls were ended at shutdown have to notice it.
const lastWords = time.Second

// stop ends idle connections at once and busy ones when they are done or Drain is over. A provider that does not honour
// its context even then is left behind: a process that shuts down must not hang on it.
func (s *Server) stop() {
	s.health.Shutdown()
	drained := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(drained)
	}()
	if s.within(s.cfg.Drain, drained) {
		return
	}
	s.grpc.Stop()
	if !s.within(lastWords, drained) {
		s.cfg.Log.Warn("left a mount behind that does not end", slog.String(logkey.Path, s.cfg.Socket))
	}
}

// within waits for done, but not longer than limit.
func (s *Server) within(limit time.Duration, done <-chan struct{}) bool {
	over, release := s.cfg.Clock.After(limit)
	defer release()
	select {
	case <-done:
		return true
	case <-over:
		return false
	}
}
