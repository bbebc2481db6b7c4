// Package telemetry is what the outside sees of a running Strongroom: log lines, metrics, health. The keys of log lines
// are in logkey, so that rooms can name them without importing anything.
//
// Metrics is one registry of its own with methods named for what happened; each room declares the few it needs as an
// interface and is handed a Metrics. The names that dashboards for the Secrets Store CSI Driver and its Azure provider
// look for are kept (driver.go, provider.go), the others begin with "strongroom_". Every label comes from a closed set:
// no object, no pod, no error text, nothing an author of manifests could multiply or a secret could get into.
//
// Server serves one address with a mux of its own. What cannot be bound is an error at start, never passed over. The
// profiler is served only when asked for, and only on the loopback address.
package telemetry
