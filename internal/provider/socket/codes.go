package socket

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"strongroom/internal/fault"
)

// classified gives a provider's bare context error the kind it has: not done in time is nobody's defect.
func classified(err error) error {
	var known *fault.Error
	if errors.As(err, &known) || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "", "the provider was not done when the driver stopped waiting")
}

// codeOf is the gRPC code a kind is answered with. Callers who know more read the kind itself from the trailer.
func codeOf(kind fault.Kind) codes.Code {
	switch kind {
	case fault.Invalid:
		return codes.InvalidArgument
	case fault.NotFound:
		return codes.NotFound
	case fault.Denied:
		return codes.PermissionDenied
	case fault.Expired:
		return codes.Unauthenticated
	case fault.Throttled:
		return codes.ResourceExhausted
	case fault.Unavailable:
		return codes.Unavailable
	case fault.Busy:
		return codes.Aborted
	case fault.Unsupported:
		return codes.FailedPrecondition // not Unimplemented, which says that the method itself is missing
	default:
		return codes.Internal
	}
}

// kindOf is what a code alone says, where no trailer says more: somebody else's provider.
func kindOf(code codes.Code) fault.Kind {
	switch code {
	case codes.InvalidArgument, codes.OutOfRange:
		return fault.Invalid
	case codes.NotFound:
		return fault.NotFound
	case codes.PermissionDenied, codes.Unauthenticated:
		return fault.Denied
	case codes.ResourceExhausted:
		return fault.Throttled
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return fault.Unavailable
	case codes.Aborted:
		return fault.Busy
	case codes.FailedPrecondition, codes.Unimplemented:
		return fault.Unsupported
	default:
		return fault.Internal
	}
}
