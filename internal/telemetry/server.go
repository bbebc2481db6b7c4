package telemetry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/bound"
	"strongroom/internal/fault"
)

// Server serves one mux on one address. It runs once. A client has bounds of time for all it does, and one address has a
// bound of connections.
type Server struct {
	what    string
	addr    string
	mux     http.Handler
	answers time.Duration // how long an answer may take, with its last byte
	lis     net.Listener
}

// connections bounds those of one address that are open at a time. A kubelet and a scraper have a few.
const connections = 64

// NewServer names what is served ("metrics") for errors, the address (":8095", "127.0.0.1:0") and the mux. It binds and
// starts nothing.
func NewServer(what, addr string, mux http.Handler) *Server {
	return &Server{what: what, addr: addr, mux: mux, answers: time.Minute}
}

// NewProfiler serves Go's profiler, on the loopback address and nowhere else: whoever reads a heap profile or a
// goroutine dump learns what the process does, and can slow it down.
func NewProfiler(port int) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := NewServer("profiler", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), mux)
	s.answers = time.Hour // a profile or a trace takes as long as its reader asks for
	return s
}

// Mux is a mux with one handler: GET and HEAD of one path, and 404 for everything else.
func Mux(path string, handler http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+path, handler)
	return mux
}

// Listen binds the address, so that a clash is known before anything else starts; Run does it where the caller did not.
// Errors are of kind Internal and name the address.
func (s *Server) Listen() error {
	var cfg net.ListenConfig
	lis, err := cfg.Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return fault.Wrap(err, fault.Internal, s.what+" address "+s.addr, "cannot be served on").
			Mend("give it another port, or stop what uses this one")
	}
	s.lis = bound.PerAddress(lis, bound.NewTally[netip.Addr](connections), nil)
	return nil
}

// Addr is the address bound by Listen, with the port the system chose where 0 was asked for; empty before.
func (s *Server) Addr() string {
	if s.lis == nil {
		return ""
	}
	return s.lis.Addr().String()
}

// Run serves until ctx is done and returns nil then; answers that are being written have a second to finish. Any other
// end of serving is an error.
func (s *Server) Run(ctx context.Context) error {
	if s.lis == nil {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	server := s.bounded()
	var group errgroup.Group
	group.Go(func() error {
		defer cancel()
		if err := server.Serve(s.lis); !errors.Is(err, http.ErrServerClosed) {
			return fault.Wrap(err, fault.Internal, s.what+" address "+s.addr, "stopped being served")
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(soon) != nil {
			_ = server.Close()
		}
		return nil
	})
	return group.Wait()
}

// bounded is the server with bounds on everything that a client could draw out.
func (s *Server) bounded() *http.Server {
	return &http.Server{
		Handler: s.mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: s.answers,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
}
