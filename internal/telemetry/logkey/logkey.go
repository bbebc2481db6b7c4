// Package logkey holds the keys of structured log lines, so that every room spells a thing alike and a log query
// written once keeps working. Constants only.
package logkey

// The keys. Each is the name of the attribute in a log line.
const (
	Address    = "address"    // where something listens
	Code       = "code"       // gRPC status code, by name
	Class      = "class"      // namespace/name of a SecretProviderClass
	Count      = "count"      // how many of what the message names
	Driver     = "driver"     // CSI driver name
	Error      = "error"      // fault.Explain of an error: one line with its remedy
	Files      = "files"      // how many files
	Kind       = "kind"       // fault kind
	Lease      = "lease"      // namespace/name of the lease a leader holds
	Method     = "method"     // RPC or HTTP method
	Node       = "node"       // name of a node
	Objects    = "objects"    // how many objects
	Panic      = "panic"      // what panicked, never with a value
	Path       = "path"       // file or HTTP path
	Peer       = "peer"       // uid at the other end of a socket
	Reason     = "reason"     // an event's reason
	Resource   = "resource"   // plural of a kind of Kubernetes object
	Pod        = "pod"        // namespace/name of a pod
	Secret     = "secret"     // namespace/name of a Kubernetes Secret
	Shared     = "shared"     // answers that cost no request
	Stack      = "stack"      // where it panicked
	Took       = "took"       // how long it took
	Target     = "target"     // a volume's directory
	TokenCalls = "tokenCalls" // requests for tokens
	VaultCalls = "vaultCalls" // requests to a vault
	Version    = "version"    // program version
	Volume     = "volume"     // the orchestrator's volume id
)
