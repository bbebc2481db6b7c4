package csi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Server is the driver as the kubelet sees it. It may be run once.
type Server struct {
	// Name is the driver's name, as the CSIDriver object and pods spell it; Version the program's. GetPluginInfo fails
	// without them.
	Name, Version string
	// NodeID is the node's name in the cluster. Required by the kubelet.
	NodeID string
	// Endpoint is where to listen: unix://path or tcp://host:port. See Listen.
	Endpoint string
	// Publisher and Stats do the work. Required.
	Publisher Publisher
	Stats     Stats
	// Log gets one line per call. Nil is nowhere.
	Log *slog.Logger
	// Clock measures calls and Grace. Nil is the machine's.
	Clock clock.Clock
	// Grace is how long running calls may take to finish once the server is told to stop; then they are cut off. Zero
	// is 10 seconds.
	Grace time.Duration
}

// Run listens on Endpoint and serves until ctx is done, then lets running calls finish within Grace. Being told to
// stop is no error.
func (s Server) Run(ctx context.Context) error {
	listener, err := Listen(s.Endpoint)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve is Run on a listener of the caller's, who knows by it that clients can connect already. Serve closes it.
func (s Server) Serve(ctx context.Context, listener net.Listener) error {
	s = s.withDefaults()
	server := grpc.NewServer(grpc.UnaryInterceptor(observer{log: s.Log, clock: s.Clock}.unary))
	spec.RegisterIdentityServer(server, &identity{name: s.Name, version: s.Version})
	spec.RegisterNodeServer(server, &node{id: s.NodeID, publisher: s.Publisher, stats: s.Stats})
	s.Log.Info("serving CSI", slog.String(logkey.Address, s.Endpoint), slog.String(logkey.Driver, s.Name))

	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error {
		defer cancel()
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fault.Wrap(err, fault.Internal, s.Endpoint, "stopped serving")
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		s.stop(server)
		return nil
	})
	return group.Wait()
}

// stop takes no new calls, waits for those that run, and cuts them off when Grace is over.
func (s Server) stop(server *grpc.Server) {
	over, release := s.Clock.After(s.Grace)
	defer release()
	done := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-over:
		server.Stop()
		<-done
	}
}

func (s Server) withDefaults() Server {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Clock == nil {
		s.Clock = clock.Real{}
	}
	if s.Grace <= 0 {
		s.Grace = 10 * time.Second
	}
	return s
}
