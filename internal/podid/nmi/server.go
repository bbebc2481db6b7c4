package nmi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/bound"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Server is the daemon. Use New; it serves once.
type Server struct {
	Config
	bell     *bell
	ledger   *ledger
	setbacks *setbacks
	told     *told
	atOnce   *bound.Tally[asker]
	lis      []net.Listener
}

// New makes a Server and has it told of changes; it binds and starts nothing. An error is a configuration that lacks what
// cannot be done without.
func New(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Config: c, bell: newBell(), ledger: &ledger{pods: map[string]map[string]time.Time{}},
		setbacks: &setbacks{list: map[secret.Principal]setback{}}, told: &told{when: map[string]time.Time{}},
		atOnce: bound.NewTally[asker](c.PerPod),
	}
	c.Pods.OnChange(func(ips []netip.Addr) {
		for _, ip := range ips {
			s.bell.ring(addressKey(bound.Plain(ip)))
			for _, p := range c.Pods.At(ip) {
				s.bell.ring(podKey(p.Namespace, p.Name))
			}
		}
	})
	if c.Assigned != nil {
		c.Assigned.OnChange(func(namespace, pod string) {
			s.ledger.read(namespace, pod, c.Assigned.Of(namespace, pod), c.Clock.Now())
			s.bell.ring(podKey(namespace, pod))
		})
	}
	if c.Bindings != nil {
		c.Bindings.OnChange(s.bell.ringAll)
	}
	return s, nil
}

// connections bounds those of one pod that are open at a time.
const connections = 512

// Listen binds the addresses, so that a clash is known before anything else starts; Run does it where the caller did not.
// Errors are of kind Internal and name the address.
func (s *Server) Listen() error {
	addresses, optional := s.Config.Listen, ""
	if len(addresses) == 0 {
		// Programs that ask localhost may try the newer address first; a node without it answers them no worse.
		addresses, optional = []string{Listening, "[::1]:2579"}, "[::1]:2579"
	}
	open := bound.NewTally[netip.Addr](connections)
	for _, address := range addresses {
		var how net.ListenConfig
		lis, err := how.Listen(context.Background(), "tcp", address)
		if err != nil && address != optional {
			return errors.Join(fault.Wrap(err, fault.Internal, "nmi address "+address, "cannot be served on").
				Mend("stop what uses this address (another nmi?), or give another port with --nmi-port"), s.close())
		}
		if err == nil {
			s.lis = append(s.lis, bound.PerAddress(lis, open, fromHost))
		}
	}
	return nil
}

func (s *Server) close() (err error) {
	for _, lis := range s.lis {
		err = errors.Join(err, lis.Close())
	}
	s.lis = nil
	return err
}

// Addresses are those bound by Listen, with the ports the system chose where 0 was asked for.
func (s *Server) Addresses() (list []string) {
	for _, lis := range s.lis {
		list = append(list, lis.Addr().String())
	}
	return list
}

// Run serves until ctx is done and returns nil then. Whoever is waiting at that moment is told to come back: the next
// daemon answers. Any other end of serving is an error.
func (s *Server) Run(ctx context.Context) error {
	if len(s.lis) == 0 {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s.Handler(),
		// No ReadTimeout: it would end a request that waits for an identity.
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      s.Retry.underWay() + s.Settle + 2*time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	var group errgroup.Group
	for _, lis := range s.lis {
		group.Go(func() error {
			defer cancel()
			if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
				return fault.Wrap(err, fault.Internal, "nmi address "+lis.Addr().String(), "stopped being served")
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(soon) != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// Health answers the liveness probe as the original did: always 200, with the body Active while pods' requests are led
// here and the cluster's objects are known, else Not Active.
func (s *Server) Health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		body := "Not Active"
		if s.Standing() && s.synced() {
			body = "Active"
		}
		_, _ = io.WriteString(w, body) // the prober has gone: nobody is left to be told
	})
}

// kindOf names what panicked without what it holds.
func kindOf(p any) string { return fmt.Sprintf("%T", p) }
