package socket

import (
	"context"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"strongroom/internal/fault"
)

// Probe asks the server on a socket whether it serves, on a connection of its own: what a health endpoint checks. The
// caller bounds it by ctx. Errors are of kind Unavailable.
func Probe(ctx context.Context, path string) error {
	cc, err := grpc.NewClient(target, dialOptions(path, defaultMessage, new(lastDial))...)
	if err != nil {
		return fault.Wrap(err, fault.Internal, path, "cannot be asked for its health")
	}
	defer func() { _ = cc.Close() }()
	answer, err := healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, path, "does not answer")
	}
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fault.New(fault.Unavailable, path, "answers that it is %s", answer.GetStatus())
	}
	return nil
}
