package cli

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/csi"
	"strongroom/internal/incumbent"
	"strongroom/internal/registrar"
)

// place is the driver's on its node: the CSI socket, and the kubelet's knowing of it.
type place struct {
	server    csi.Server
	registrar *registrar.Registrar // nil where the driver registers nowhere
	log       *slog.Logger
}

// csiService serves the kubelet where there is no cluster to register in: it binds the socket first, so that a clash is
// an error at start.
type csiService struct {
	server   csi.Server
	listener net.Listener
}

func (s *csiService) Listen() (err error) {
	s.listener, err = csi.Listen(s.server.Endpoint)
	return err
}

func (s *csiService) Run(ctx context.Context) error { return s.server.Serve(ctx, s.listener) }

// newPlace registers the driver where the configuration says that a kubelet looks.
func (c *driverConfig) newPlace(server csi.Server, log *slog.Logger) *place {
	p := &place{server: server, log: log}
	if c.RegistrationDir != "" {
		p.registrar = registrar.New(registrar.Config{
			Socket: filepath.Join(c.RegistrationDir, c.DriverName+"-reg.sock"), Driver: c.DriverName, Endpoint: c.HostEndpoint,
			Version: Version, Log: log,
		})
	}
	return p
}

// Run waits until nobody else serves here, however long that takes and loudly where it is a stranger; then it serves,
// and only then does the kubelet hear of it.
func (p *place) Run(ctx context.Context) error {
	if socket := csi.SocketPath(p.server.Endpoint); socket != "" {
		err := incumbent.Wait(ctx, incumbent.Config{Socket: socket, Driver: p.server.Name, Log: p.log})
		if err != nil {
			return nil // told to stop before it began
		}
	}
	listener, err := csi.Listen(p.server.Endpoint)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.server.Serve(ctx, listener) })
	if p.registrar != nil {
		group.Go(func() error { return p.registrar.Run(ctx) })
	}
	return group.Wait()
}

// registered is true when the kubelet knows the driver, or need not.
func (p *place) registered() bool { return p.registrar == nil || p.registrar.Registered() }
