package attack

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	gstatus "google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
)

// rawProvider is a provider that shares no code with ours: it says what it likes on the wire.
type rawProvider struct {
	api.UnimplementedCSIDriverProviderServer
	mount func(context.Context, *api.MountRequest) (*api.MountResponse, error)
}

// Mount implements the protocol.
func (r rawProvider) Mount(ctx context.Context, in *api.MountRequest) (*api.MountResponse, error) {
	return r.mount(ctx, in)
}

func wireFiles(paths ...string) *api.MountResponse {
	out := &api.MountResponse{ObjectVersion: []*api.ObjectVersion{{Id: "secret/a", Version: "1"}}}
	for _, p := range paths {
		out.Files = append(out.Files, &api.File{Path: p, Mode: 0o600, Contents: []byte("good")})
	}
	return out
}

// connections remembers what it accepted, so that a test can kill a provider in the middle of an answer.
type connections struct {
	net.Listener
	mu   sync.Mutex
	list []net.Conn
}

// Accept implements net.Listener.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, conn)
	return conn, err
}

func (c *connections) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.list {
		_ = conn.Close()
	}
}

// A provider that is not ours may send anything a socket can carry. The driver answers in bounded time and words, and
// nothing that is mounted changes.
func TestWhateverComesOutOfAPluginSocketIsBounded(t *testing.T) {
	t.Parallel()
	type answerer func(context.Context, *connections) (*api.MountResponse, error)
	saying := func(code codes.Code, text string, trailer ...string) answerer {
		return func(ctx context.Context, _ *connections) (*api.MountResponse, error) {
			_ = grpc.SetTrailer(ctx, metadata.Pairs(trailer...))
			return wireFiles("a"), gstatus.Error(code, text)
		}
	}
	giving := func(paths ...string) answerer {
		return func(context.Context, *connections) (*api.MountResponse, error) { return wireFiles(paths...), nil }
	}
	for name, hostile := range map[string]answerer{
		"20,000 bad paths":      giving(numbered("../x", 20_000)...),
		"20,000 same bad paths": giving(strings.Split(strings.Repeat("../x ", 19_999)+"../x", " ")...),
		"20,000 shadows":        giving(append(numbered("a/b", 20_000), "a")...),
		"5 MiB":                 giving(strings.Split(strings.Repeat(strings.Repeat("p", 100)+" ", 50_000)+"a", " ")...),
		"an error of 100 KiB":   saying(codes.Internal, strings.Repeat("e\n", 50_000)),
		"an error of 20 MiB":    saying(codes.Internal, strings.Repeat("e", 20<<20)),
		"an error without text": saying(codes.PermissionDenied, ""),
		"a code nobody knows":   saying(codes.Code(4711), "odd"),
		"a refusal as trailer":  saying(codes.Unavailable, "x", "strongroom-kind", "denied\x7f", "strongroom-retry-after-ms", "99999999999999999999"),
		"a trailer of 1 MiB":    saying(codes.Unavailable, "x", "strongroom-report-bin", strings.Repeat("[", 1<<20)),
		"an error in an answer": func(context.Context, *connections) (*api.MountResponse, error) {
			out := wireFiles("a")
			out.Error = &api.Error{Code: strings.Repeat("code\n", 100_000)}
			return out, nil
		},
		"its death": func(_ context.Context, c *connections) (*api.MountResponse, error) {
			c.kill()
			return wireFiles("a"), nil
		},
		"a hang": func(ctx context.Context, _ *connections) (*api.MountResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Pointer[answerer]
			good := giving("a")
			now.Store(&good)
			n := newNode(t, func(s *settings) {
				s.dir.Timeout = 30 * time.Second
				if name == "a hang" {
					s.dir.Timeout = time.Second
				}
				s.raw = func(l net.Listener) {
					c := &connections{Listener: l}
					server := grpc.NewServer(grpc.MaxSendMsgSize(64<<20), grpc.MaxHeaderListSize(64<<20))
					api.RegisterCSIDriverProviderServer(server, rawProvider{mount: func(ctx context.Context, _ *api.MountRequest) (*api.MountResponse, error) {
						return (*now.Load())(ctx, c)
					}})
					_ = server.Serve(c)
					server.Stop()
				}
			})
			mounted := n.pod(map[string]string{"x": "y"})
			mounted.mustMount()
			now.Store(&hostile)
			p := n.pod(map[string]string{"x": "y"})
			err := p.mount()
			said := p.refused(err, codes.InvalidArgument, codes.Unavailable, codes.Internal, codes.PermissionDenied)
			if len(said) > 64<<10 || strings.ContainsAny(said, "\n\x00") {
				t.Errorf("%d bytes said: %.300q", len(said), said)
			}
			if err := mounted.mount(); err != nil || mounted.last().Err == nil {
				t.Errorf("republish: %v, told %v", err, mounted.last().Err)
			}
			if files := mounted.files(); !maps.Equal(files, map[string]string{"a": "good"}) {
				t.Errorf("mounted: %d files", len(files))
			}
			if size := len(n.log.String()); size > 256<<10 {
				t.Errorf("%d bytes logged", size)
			}
			n.onlyTargets()
			now.Store(&good)
			p.mustMount()
		})
	}
}

// numbered is so many paths of one beginning.
func numbered(path string, count int) []string {
	list := make([]string, count)
	for i := range list {
		list[i] = fmt.Sprint(path, i)
	}
	return list
}

func TestASocketThatDoesNotSpeakTheProtocolIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, speak := range map[string]func(net.Conn){
		"silent": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"junk": func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 400 no\r\n\r\n", 100))
			_ = c.Close()
		},
		"closed": func(c net.Conn) { _ = c.Close() },
		"endless": func(c net.Conn) {
			for {
				if _, err := c.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, func(s *settings) {
				s.dir.Timeout, s.dir.Connect = 2*time.Second, time.Second
				s.raw = func(l net.Listener) {
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						go speak(conn)
					}
				}
			})
			p := n.pod(map[string]string{"x": "y"})
			said := p.refused(p.mount(), codes.Unavailable)
			if !strings.Contains(said, `error connecting to provider \"azure\"`) && !strings.Contains(said, `error connecting to provider "azure"`) && !strings.Contains(said, "azure.sock") {
				t.Errorf("said: %s", said)
			}
		})
	}
}

// What an author may write of any length must not come back at that length in events, logs and metrics.
func TestAuthorsCannotFillLogsAndMetrics(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	long := strings.Repeat("n", 1<<20)
	class, prov := n.pod(parameters(secrets("a"))), n.pod(parameters(secrets("a")))
	class.class = long
	n.reclass(prov, map[string]string{"provider": long})
	named := n.pod(parameters(secrets("a"), "objects", strings.Repeat("array:\n- {objectName: '"+long[:8<<10]+"'}\n", 1)))
	for _, p := range []*pod{class, prov, named} {
		if said := p.refused(p.mount(), codes.InvalidArgument, codes.NotFound); len(said) > 17<<10 {
			t.Errorf("%d bytes said: %.200s", len(said), said)
		}
	}
	if size := len(n.log.String()); size > 64<<10 {
		t.Errorf("%d bytes logged: %.300s", size, n.log.String())
	}
	if page := n.page(); len(page) > 64<<10 {
		t.Errorf("%d bytes of metrics", len(page))
	}
}
