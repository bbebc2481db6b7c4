package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Prober is a pod without an identity that asks the metadata service for the machine's token several times a second, as
// long as it lives.
type Prober struct{ ns, pod string }

// Probe starts one.
func Probe(t testing.TB, namespace string) Prober {
	t.Helper()
	const ask = `curl --silent --max-time 2 --output /dev/null --write-out '%{http_code}\n' --header Metadata:true `
	Run(t, Pod(namespace, "prober", Of(CurlImage), Running("sh", "-c",
		"while true; do "+ask+"'"+metadataService+tokenPath+"' >>/tmp/codes; sleep 0.1; done")))
	return Prober{namespace, "prober"}
}

// Codes counts what it has been answered, by status; 000 is no answer.
func (p Prober) Codes(t testing.TB) map[string]int {
	t.Helper()
	codes := map[string]int{}
	for code := range strings.Lines(Read(t, p.ns, p.pod, "/tmp/codes")) {
		codes[strings.TrimSpace(code)]++
	}
	return codes
}

// AwaitMore waits until it has been answered a few more times.
func (p Prober) AwaitMore(t testing.TB, than map[string]int) {
	t.Helper()
	sum := func(codes map[string]int) (n int) {
		for _, count := range codes {
			n += count
		}
		return n
	}
	Eventually(t, "more answers to the prober", func() error {
		if now := p.Codes(t); sum(now) < sum(than)+5 {
			return fmt.Errorf("there are %v", now)
		}
		return nil
	})
}
