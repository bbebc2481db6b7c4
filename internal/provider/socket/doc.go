// Package socket is the provider door over a unix socket: the plugin protocol of the Secrets Store CSI Driver, both ends.
//
// Server answers for any provider.Provider on <dir>/<name>.sock, to Strongroom's driver and to anybody else's.
// Directory finds providers by name in the plugin directories and makes each a provider.Provider, Strongroom's own and
// third parties' alike. Attributes pass through undecoded: neither end knows what Azure is.
//
// Beyond the protocol's messages, the two ends of Strongroom tell each other things in gRPC metadata, where no pod
// author can write and anybody else's end ignores them:
//
//	strongroom-max-age-ns       request  how old a shared answer may be; absent: the provider's own window applies
//	strongroom-sent-ns          request  when that was said, on the machine's monotonic clock, so that the time a request
//	                                     waits does not count against it; absent: from its arrival on
//	strongroom-max-recv-bytes   request  how large an answer the driver takes; absent: 4 MiB, gRPC's own limit
//	strongroom-report-bin       trailer  provider.Report as JSON, cut down to a few KiB
//	strongroom-files            trailer  how many files the answer has, so that none is told from not its own to write
//	strongroom-kind             trailer  the fault kind of an error
//	strongroom-retry-after-ms   trailer  how long to wait before asking again
//	grpc-retry-pushback-ms      trailer  -1 with every error: gRPC's own "do not retry this by yourself"
//
// It never retries, never caches content, never logs or reports a secret, a token or an attribute other than the pod's
// name. When the other side is down, hangs, dies mid-answer or answers nonsense, the caller gets an Unavailable fault in
// bounded time which names the socket and what to do; that is never a refusal, so mounted content stays.
package socket
