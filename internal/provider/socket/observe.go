package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/clock"
	"strongroom/internal/telemetry/logkey"
)

// observer writes one line per call and counts it. It is where a provider's errors are logged, once: no room beneath
// logs them.
type observer struct {
	log   *slog.Logger
	meter ServerMeter
	clock clock.Clock
}

// remarks are what a call wants to have in its line.
type remarks struct{ attrs []slog.Attr }

type remarksKey struct{}

// remark adds to the line of the call ctx belongs to. Never a value, a token or an attribute other than the pod's name.
func remark(ctx context.Context, attrs ...slog.Attr) {
	if r, ok := ctx.Value(remarksKey{}).(*remarks); ok {
		r.attrs = append(r.attrs, attrs...)
	}
}

// unary is the outermost interceptor. It also turns a panic into an error, for one volume's misfortune must not take
// every other volume's provider away.
func (o observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	line := &remarks{}
	start := o.clock.Now()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, o.panicked(info.FullMethod, p)
		}
		o.done(ctx, info.FullMethod, err, o.clock.Now().Sub(start), line)
	}()
	return next(context.WithValue(ctx, remarksKey{}, line), req)
}

func (o observer) done(ctx context.Context, method string, err error, took time.Duration, line *remarks) {
	code := status.Code(err).String()
	o.meter.ServedRPC(method, code, took)
	attrs := []slog.Attr{slog.String(logkey.Method, method), slog.String(logkey.Code, code), slog.Duration(logkey.Took, took)}
	if uid, ok := peerOf(ctx); ok {
		attrs = append(attrs, slog.Int(logkey.Peer, uid))
	}
	attrs = append(attrs, line.attrs...)
	if err != nil {
		attrs = append(attrs, slog.String(logkey.Error, status.Convert(err).Message()))
	}
	o.log.LogAttrs(ctx, levelOf(method, err), "call answered", attrs...)
}

// levelOf keeps health checks, which come every few seconds, out of an ordinary log.
func levelOf(method string, err error) slog.Level {
	switch {
	case err != nil:
		return slog.LevelWarn
	case method == api.CSIDriverProvider_Mount_FullMethodName:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// panicked logs where it happened. What was panicked with is named only when it is the runtime's own (an index, a nil):
// anything else might carry a secret.
func (o observer) panicked(method string, p any) error {
	what := fmt.Sprintf("%T", p)
	var own runtime.Error
	if err, ok := p.(error); ok && errors.As(err, &own) {
		what = own.Error()
	}
	o.log.Error("call panicked", slog.String(logkey.Method, method), slog.String(logkey.Panic, what), slog.String(logkey.Stack, string(debug.Stack())))
	return status.Error(codes.Internal, "the provider failed by a defect of its own; its log has a line \"call panicked\" that says where")
}
