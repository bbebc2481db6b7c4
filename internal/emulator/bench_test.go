package emulator_test

import (
	"io"
	"sync"
	"testing"

	"strongroom/internal/emulator/entra"
)

// BenchmarkGet is what one read of a secret costs, client included.
func BenchmarkGet(b *testing.B) { benchmarkGet(b, 1) }

// BenchmarkThousandAtOnce is a thousand of them under way at the same time; one op is all of them.
func BenchmarkThousandAtOnce(b *testing.B) { benchmarkGet(b, 1000) }

func benchmarkGet(b *testing.B, atOnce int) {
	e, stop := run(b, standard())
	defer stop()
	client := e.HTTPClient()
	header := "Bearer " + tokenFor(b, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	target := e.VaultURL("shop-policies") + getSecret
	get := func() {
		resp, err := client.Do(request("GET", target, "", "Authorization", header))
		if err != nil {
			b.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	get() // the connection
	b.ReportAllocs()
	for b.Loop() {
		var all sync.WaitGroup
		for range atOnce {
			all.Go(get)
		}
		all.Wait()
	}
}
