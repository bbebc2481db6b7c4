package csi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// observer is the outermost interceptor: one line per call, the translation of its error, and the end of a panic.
type observer struct {
	log   *slog.Logger
	clock clock.Clock
}

func (o observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	start := o.clock.Now()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, o.panicked(ctx, info.FullMethod, p)
		}
		kind := fault.KindOf(err)
		err = answer(err)
		attrs := append(about(req), slog.String(logkey.Method, info.FullMethod), slog.Duration(logkey.Took, o.clock.Now().Sub(start)))
		o.line(ctx, info.FullMethod, err, kind, attrs)
	}()
	return next(ctx, req)
}

func (o observer) line(ctx context.Context, method string, err error, kind fault.Kind, attrs []slog.Attr) {
	attrs = append(attrs, slog.String(logkey.Code, status.Code(err).String()))
	if err != nil {
		attrs = append(attrs, slog.String(logkey.Kind, kind.String()), slog.String(logkey.Error, status.Convert(err).Message()))
	}
	o.log.LogAttrs(ctx, levelOf(method, err), "call answered", attrs...)
}

// levelOf keeps what the kubelet asks all day long out of an ordinary log.
func levelOf(method string, err error) slog.Level {
	switch {
	case err != nil:
		return slog.LevelWarn
	case method == spec.Node_NodePublishVolume_FullMethodName, method == spec.Node_NodeUnpublishVolume_FullMethodName:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// about says what a request is about: names, and none of the attributes, tokens and secrets.
func about(req any) []slog.Attr {
	switch r := req.(type) {
	case *spec.NodePublishVolumeRequest:
		c := r.GetVolumeContext()
		namespace := c[secretsstore.AttrPodNamespace]
		return []slog.Attr{
			slog.String(logkey.Volume, r.GetVolumeId()),
			slog.String(logkey.Target, r.GetTargetPath()),
			slog.String(logkey.Pod, namespace+"/"+c[secretsstore.AttrPodName]),
			slog.String(logkey.Class, namespace+"/"+short(c[secretsstore.AttrClass])),
		}
	case *spec.NodeUnpublishVolumeRequest:
		return []slog.Attr{slog.String(logkey.Volume, r.GetVolumeId()), slog.String(logkey.Target, r.GetTargetPath())}
	case *spec.NodeGetVolumeStatsRequest:
		return []slog.Attr{slog.String(logkey.Volume, r.GetVolumeId()), slog.String(logkey.Target, r.GetVolumePath())}
	}
	return nil
}

// short is a name an author made up, cut to what a name may have: a log must not be filled by it.
func short(name string) string { return name[:min(len(name), maxName)] }

// panicked says where it happened. What was panicked with is named only when it is the runtime's own (an index, a nil):
// anything else might carry a secret.
func (o observer) panicked(ctx context.Context, method string, p any) error {
	what := fmt.Sprintf("%T", p)
	var own runtime.Error
	if err, ok := p.(error); ok && errors.As(err, &own) {
		what = own.Error()
	}
	o.log.LogAttrs(ctx, slog.LevelError, "call panicked", slog.String(logkey.Method, method),
		slog.String(logkey.Panic, what), slog.String(logkey.Stack, string(debug.Stack())))
	return fault.New(fault.Internal, "", "the driver failed by a defect of its own").
		Mend("report the line \"call panicked\" of the driver's log")
}
