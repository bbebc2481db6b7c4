package csi

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"strongroom/internal/fault"
)

// codeByKind is the whole translation. The kubelet keeps a volume's directory and tries again after ResourceExhausted,
// Unavailable and Aborted (and the context's codes); after any other it cleans up first.
var codeByKind = map[fault.Kind]codes.Code{
	fault.Internal:    codes.Internal,
	fault.Invalid:     codes.InvalidArgument,
	fault.NotFound:    codes.NotFound,
	fault.Denied:      codes.PermissionDenied,
	fault.Expired:     codes.Unauthenticated,
	fault.Throttled:   codes.ResourceExhausted,
	fault.Unavailable: codes.Unavailable,
	fault.Busy:        codes.Aborted,
	fault.Unsupported: codes.FailedPrecondition, // Unimplemented would say that the method is missing
}

// answer makes of any error the status that the kubelet gets: the fault's kind as a code, and the words a person can
// act on, which the kubelet copies into the pod's events.
func answer(err error) error {
	if err == nil {
		return nil
	}
	var classified *fault.Error
	if errors.As(err, &classified) {
		return status.Error(codeByKind[classified.Kind], fault.Bound(fault.Explain(err), maxTold))
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, fault.Explain(err))
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, fault.Explain(err))
	}
	if _, ok := status.FromError(err); ok {
		return err // gRPC's own: a method that is not there
	}
	return status.Error(codes.Internal, fault.Bound(fault.Explain(err), maxTold))
}

// maxTold bounds an error's text: it goes into events and logs, and parts of it are a class's or a provider's own words.
const maxTold = 16 << 10
