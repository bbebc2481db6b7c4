package emulator

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/emulator/control"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/imds"
	"strongroom/internal/emulator/nmi"
	"strongroom/internal/fault"
)

// Limits of the servers. headerTime keeps a silent client from holding a connection; grace is what requests in flight
// get at the end. There is no write timeout: a fault may make an answer as slow as it likes.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	grace      = 200 * time.Millisecond
	streams    = 1000 // per HTTP/2 connection; the default of 250 makes bursts open further connections
)

// Run serves until ctx is done, and then closes everything; with a state file it saves there soon after each change and
// last of all. It may be called once. nil after an ordinary end.
func (e *Emulator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range e.servers() {
		group.Go(func() error { return s.serve() })
		group.Go(func() error {
			<-ctx.Done()
			return s.shutdown()
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		e.relay.Close()
		return nil
	})
	group.Go(func() error { // a key takes a while to make, and the first token should not be late for it
		_, err := e.directory.Keys()
		return err
	})
	group.Go(func() error {
		e.keepSaving(ctx)
		return nil
	})
	return errors.Join(group.Wait(), e.Save())
}

// Close gives the listeners back; only for an emulator that never ran.
func (e *Emulator) Close() error { return e.listeners.close() }

// server is one listener with what it serves.
type server struct {
	http.Server
	listener net.Listener
}

func (e *Emulator) servers() []*server {
	secure := newServer(e.listeners.tls, http.HandlerFunc(e.byName()))
	secure.TLSConfig = e.authority.ServerConfig(e.plays)
	list := []*server{
		secure,
		newServer(e.listeners.proxy, e.relay),
		newServer(e.listeners.control, e.control()),
		newServer(e.listeners.nmi, e.front(faults.NMI, "", nmi.New(nmi.Config{
			Bound: e.boundTo, Tokens: e.directory, Clock: e.faults.Clock(faults.NMI)}))),
	}
	for name, listener := range e.listeners.imds {
		view := imds.New(imds.Config{
			Assigned: func() imds.Assigned { return e.assigned(name) }, Tokens: e.directory, Clock: e.faults.Clock(faults.IMDS)})
		list = append(list, newServer(listener, e.front(faults.IMDS, name, view)))
	}
	return list
}

// front puts the request log and the faults before a service, in this order, so that what a fault answers is logged.
func (e *Emulator) front(service faults.Service, node string, next http.Handler) http.Handler {
	return e.journal.Wrap(service, node, e.config.Clock, e.faults.Wrap(service, node, next))
}

// byName serves everything that lives on the TLS listener.
func (e *Emulator) byName() http.HandlerFunc {
	services := map[faults.Service]http.Handler{
		faults.Entra:      e.front(faults.Entra, "", e.entra),
		faults.Issuer:     e.front(faults.Issuer, "", e.issuer),
		faults.TokenProxy: e.front(faults.TokenProxy, "", e.proxy),
		faults.ARM:        e.front(faults.ARM, "", e.manager),
		faults.Graph:      e.front(faults.Graph, "", e.graph),
		faults.KeyVault:   e.front(faults.KeyVault, "", http.HandlerFunc(e.vault)),
	}
	return func(w http.ResponseWriter, r *http.Request) {
		place, known := locate(r)
		if !known {
			http.Error(w, "the emulator does not play "+r.Host, http.StatusMisdirectedRequest)
			return
		}
		services[place.Service].ServeHTTP(w, r)
	}
}

func (e *Emulator) vault(w http.ResponseWriter, r *http.Request) {
	place, _ := locate(r)
	e.vaults.Handler(place.Vault).ServeHTTP(w, r)
	if r.Method != http.MethodGet {
		e.changed.Store(true)
	}
}

func (e *Emulator) control() http.Handler {
	return control.New(control.Config{
		Endpoints: e.endpoints, CA: e.CA(), CloudFile: e.CloudFile(),
		Journal: e.journal, Faults: e.faults, Mint: e.ServiceAccountToken, Dump: e.dump, Add: e.addText,
	})
}

func newServer(l net.Listener, h http.Handler) *server {
	return &server{listener: l, Server: http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, ConnContext: faults.ConnContext,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams},
		// Handshakes with names the emulator does not play, and connections that a fault cut, are not news.
		ErrorLog: log.New(io.Discard, "", 0),
	}}
}

func (s *server) serve() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.listener, "", "")
	} else {
		err = s.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fault.Wrap(err, fault.Internal, s.listener.Addr().String(), "serving ended")
}

// shutdown lets requests in flight end for a moment, and then closes their connections.
func (s *server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil {
		return nil
	}
	return s.Close()
}
