package redirect

import (
	"context"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// reconsider drops what the kernel remembers of connections to the metadata address that its own service answers: their
// next packet is then judged by the rules, and meets nobody who knows of them. It is done after every change of the rules,
// for somebody may have got past while they were missing. A failure is told and leaves the rules standing; after one that
// may pass it is tried again at the next look.
func (r *Redirect) reconsider(ctx context.Context) {
	if !r.open || !r.config.Conntrack {
		return
	}
	if r.conntrack == "" {
		r.open = false
		r.config.Log.Warn("connections to the metadata address that were open before the rules stay open: the node has no program conntrack in " + places)
		return
	}
	_, err := r.run(ctx, r.conntrack, "", r.family.stale()...)
	if err != nil && !exited(err, 1) { // 1 is that there was none
		r.config.Log.Warn("connections to the metadata address that were open before the rules may stay open", logkey.Error, fault.Explain(err))
		return
	}
	r.open = false
}

// stale are conntrack's words for connections to the metadata address that were not led elsewhere.
func (f family) stale() []string {
	family := "ipv4"
	if f.six {
		family = "ipv6"
	}
	return []string{"-D", "-f", family, "-p", "tcp", "--orig-dst", f.metadata, "--orig-port-dst", f.port, "--reply-src", f.metadata}
}
