package socket

// Keys of the gRPC metadata that the package doc lists.
const (
	headerMaxAge      = "strongroom-max-age-ns"
	headerSent        = "strongroom-sent-ns"
	headerMaxRecv     = "strongroom-max-recv-bytes"
	trailerReport     = "strongroom-report-bin"
	trailerKind       = "strongroom-kind"
	trailerRetryAfter = "strongroom-retry-after-ms"
	trailerFiles      = "strongroom-files"
	trailerPushback   = "grpc-retry-pushback-ms"
)

// The protocol version of api/provider/v1alpha1, and the authority a driver states: providers exist that refuse any
// other. Our own server takes whatever it is given.
const (
	protocolVersion = "v1alpha1"
	authority       = "localhost"
)

// Bounds on what goes into trailers. gRPC libraries other than Go's take 8 or 16 KiB of metadata and fail the whole
// call beyond it, so that the error would be lost with the details.
const (
	maxReport  = 4 << 10
	maxMessage = 6 << 10
)
