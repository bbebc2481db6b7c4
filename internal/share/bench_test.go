package share_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/share"
)

func BenchmarkHit(b *testing.B) {
	p := share.New(share.Config{})
	w := want(node("a"), "get secret/s@")
	w.NotBefore = time.Now()
	vault := &counterpart{answer: "v"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := share.Get(context.Background(), p, w, vault.fetch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHitByManyAtOnce(b *testing.B) {
	p := share.New(share.Config{})
	var next atomic.Int32
	b.SetParallelism(500) // times GOMAXPROCS goroutines
	b.ReportAllocs()
	seen := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		w := want(node("a"), fmt.Sprintf("get secret/s%d@", next.Add(1)%10))
		w.NotBefore = seen
		for pb.Next() {
			if _, err := share.Get(context.Background(), p, w, (&counterpart{answer: "v"}).fetch); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	p := share.New(share.Config{})
	w := want(node("a"), "get secret/s@")
	vault := &counterpart{answer: "v"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := share.Get(context.Background(), p, w, vault.fetch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBurst is a thousand pods of one identity and ten objects, seen before the first read.
func BenchmarkBurst(b *testing.B) {
	for b.Loop() {
		p := share.New(share.Config{})
		var calls atomic.Int32
		seen := time.Now()
		together(1000, func(int) {
			for object := range 10 {
				w := want(node("a"), fmt.Sprintf("get secret/s%d@", object))
				w.NotBefore = seen
				_, _ = share.Get(context.Background(), p, w, func(context.Context) (text, error) {
					calls.Add(1)
					return "v", nil
				})
			}
		}).Wait()
		if calls.Load() != 10 {
			b.Fatalf("%d calls", calls.Load())
		}
	}
}

// TestHitAllocatesNothing holds the path that a hundred pods take at every rotation.
func TestHitAllocatesNothing(t *testing.T) {
	p, c := newPool(share.Config{})
	w := want(node("a"), "get secret/s@")
	w.NotBefore = c.Now()
	fetch := (&counterpart{answer: "v"}).fetch
	n := testing.AllocsPerRun(100, func() {
		if _, err := share.Get(context.Background(), p, w, fetch); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
