package mic_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/fault"
)

// A ledger that cannot be written is not tried by every machine at every pass, and is written soon after it can be.
func TestALedgerThatCannotBeWrittenIsLeftAlone(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.lead()
		w.start("p", "a", "pool-0")
		w.wait(time.Minute)
		var tries atomic.Int64
		w.setRefuse(func(verb, _ string) error {
			if verb != "ledger" {
				return nil
			}
			tries.Add(1)
			return fault.New(fault.Unavailable, "ledger", "no answer")
		})
		for i := range 600 {
			w.start("q", []string{"a", "b"}[i%2], []string{"pool-0", "vm"}[i%3/2])
			w.wait(100 * time.Millisecond)
		}
		if n := tries.Load(); n < 5 || n > 60 {
			t.Errorf("tried %d times in a minute", n)
		}
		w.start("q", "b", "vm")
		w.setRefuse(nil)
		w.wait(2 * time.Minute)
		w.expect("p a pool-0 Assigned; q b vm Assigned")
		if !strings.Contains(strings.ToLower(fmt.Sprint(w.data)), strings.ToLower(idOf("b"))) {
			t.Errorf("the ledger says %v", w.data)
		}
	})
}
