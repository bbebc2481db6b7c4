package mic_test

import (
	"fmt"
	"testing"
	"time"
)

func TestFortyPodsOverFiveIdentitiesCostOneUpdate(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b", "c", "d", "e")
		w.latency = 20 * time.Millisecond
		w.lead()
		w.wait(time.Minute)
		began := time.Now()
		for i := range 40 {
			w.start(fmt.Sprint("p", i), string("abcde"[i%5]), fmt.Sprint("pool-", i%3))
			time.Sleep(5 * time.Millisecond)
		}
		done := 0
		for range 200 {
			w.wait(100 * time.Millisecond)
			done = 0
			for _, a := range w.objects() {
				if a.State == "Assigned" {
					done++
				}
			}
			if done == 40 {
				break
			}
		}
		took := time.Since(began)
		t.Logf("40 pods Assigned after %v", took)
		if done != 40 || took > updateTime+2*time.Second {
			t.Errorf("%d are Assigned after %v\n%s", done, took, w.log.String())
		}
		if got := w.azure.calls("PATCH"); got != 1 {
			t.Errorf("%d updates: %v", got, w.azure.log)
		}
		if got := w.azure.calls("GET"); got > 1 {
			t.Errorf("%d reads: %v", got, w.azure.log)
		}
		w.expectHeld("pool-2", "a b c d e")
		w.expectHeld("elsewhere-pool-0", "")
	})
}

func TestAPodOnAnAttachedIdentityCostsNothingOfAzureAndOneWrite(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("first", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.azure.forget()
		w.wrote()
		w.start("second", "a", "pool-1")
		w.wait(150 * time.Millisecond)
		w.expect("first a pool-0 Assigned; second a pool-1 Assigned")
		if len(w.azure.log) != 0 {
			t.Errorf("asked Azure: %v", w.azure.log)
		}
		if got := w.wrote(); len(got) != 1 || got[0] != "create second-team-a" {
			t.Errorf("wrote %v", got)
		}
	})
}
