package azure_test

import (
	"fmt"
	"testing"

	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// What one mount allocates, client and emulator together where a request goes out.
func BenchmarkMount(b *testing.B) {
	for _, count := range []int{1, 10, 50} {
		n := newNode(b)
		list := make([]string, count)
		for i := range list {
			list[i] = fmt.Sprintf("secret/file-%d", i)
			if _, err := n.azure.Vaults().SetSecret("policies-kv", fmt.Sprintf("file-%d", i), secret.NewValue([]byte("value"))); err != nil {
				b.Fatal(err)
			}
		}
		req := n.workload("web", list...)
		n.must(req)
		b.Run(fmt.Sprintf("shared/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n.must(req)
			}
		})
		b.Run(fmt.Sprintf("asked/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req.Freshness = provider.Freshness{NotBefore: n.clock.Now()}
				n.must(req)
			}
		})
	}
}
