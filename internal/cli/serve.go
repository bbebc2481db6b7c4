package cli

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/telemetry"
)

// service is something that binds first and serves then.
type service interface {
	Listen() error
	Run(ctx context.Context) error
}

// services are what one process serves, in the order it is bound.
type services struct {
	list []service
	http []namedServer
}

type namedServer struct {
	name   string
	server *telemetry.Server
}

func (s *services) add(one service) { s.list = append(s.list, one) }

func (s *services) addHTTP(name, address string, handler http.Handler) {
	server := telemetry.NewServer(name, address, handler)
	s.add(server)
	s.http = append(s.http, namedServer{name, server})
}

// addProbes serves /healthz, which is the server's own being there, and /readyz, which is that and every check.
func (s *services) addProbes(address string, ready []telemetry.Check) {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", telemetry.Health(0))
	mux.Handle("GET /readyz", telemetry.Health(0, ready...))
	s.addHTTP("health", address, mux)
}

// run binds everything before it starts anything, so that a clash is an error at start; then it hands the bound
// addresses, as pairs for a log line, to ready, and serves until ctx is done or one service fails.
func (s *services) run(ctx context.Context, ready func(addresses []any)) error {
	for i, one := range s.list {
		if err := one.Listen(); err != nil {
			return errors.Join(err, letGo(s.list[:i]))
		}
	}
	var addresses []any
	for _, h := range s.http {
		addresses = append(addresses, h.name, h.server.Addr())
	}
	ready(addresses)
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range s.list {
		group.Go(func() error { return one.Run(ctx) })
	}
	return group.Wait()
}

// unbound is a service that listens nowhere.
type unbound struct {
	runner interface {
		Run(ctx context.Context) error
	}
}

func (unbound) Listen() error                   { return nil }
func (u unbound) Run(ctx context.Context) error { return u.runner.Run(ctx) }

// letGo gives back what was bound, socket files among it: a service whose context is done ends at once.
func letGo(bound []service) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var group errgroup.Group
	for _, one := range bound {
		group.Go(func() error { return one.Run(ctx) })
	}
	return group.Wait()
}
