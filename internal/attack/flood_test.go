package attack

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	gstatus "google.golang.org/grpc/status"

	"strongroom/internal/clock"
)

// Two thousand pods at a vault that takes connections and says nothing: few requests are in the air, most pods are told
// at once to come back, the rest when it is known that the vault is down, and nothing of it lasts. It runs alone, for it
// counts what the whole process holds.
func TestAHangingVaultHoldsAFewRequestsAndNoMoreMemory(t *testing.T) {
	turned := clock.NewFake()
	n := newNode(t, unhurried, func(s *settings) { s.clock, s.share.MaxWait = turned, -1 })
	n.pod(parameters(secrets("warm"))).mustMount()
	quiet, heap := runtime.NumGoroutine(), heapInUse()

	var inAir, most atomic.Int64
	hung, release := make(chan struct{}, 4000), make(chan struct{})
	n.azure.on(only("secrets", func(http.ResponseWriter, *http.Request) {
		now := inAir.Add(1)
		defer inAir.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		hung <- struct{}{}
		<-release
		panic(http.ErrAbortHandler)
	}))
	const pods, running, waiting, perVault = 2000, 256, 1024, 32
	ends := make(chan error, pods)
	var group sync.WaitGroup
	var all []*pod
	for i := range pods {
		p := n.pod(parameters(secrets(fmt.Sprintf("o%d", i))))
		all = append(all, p)
		group.Go(func() { ends <- p.mount() })
	}
	told := map[codes.Code]int{}
	for range pods - running - waiting {
		err := <-ends
		told[gstatus.Code(err)]++
		if !strings.Contains(fmt.Sprint(err), "mounts are running and 1024 are waiting") {
			t.Fatal(err)
		}
	}
	for range perVault {
		<-hung
	}
	if told[codes.ResourceExhausted] != pods-running-waiting {
		t.Errorf("told: %v", told)
	}
	// Each waiting pod has a stream at either socket, of three goroutines and a few KiB each.
	if now, few := fallsTo(quiet + 8*(running+waiting) + 200); !few {
		t.Errorf("%d goroutines, %d before", now, quiet)
	}
	if now := heapInUse(); now > heap+128<<20 {
		t.Errorf("%d MiB, %d before", now>>20, heap>>20)
	}

	close(release)
	group.Wait()
	close(ends)
	for err := range ends {
		told[gstatus.Code(err)]++
	}
	if told[codes.Unavailable] != running+waiting || told[codes.ResourceExhausted] != pods-running-waiting {
		t.Errorf("told: %v", told)
	}
	if most.Load() > perVault {
		t.Errorf("%d requests in the air at once", most.Load())
	}
	for _, p := range all[:50] {
		if len(p.files()) != 0 {
			t.Error("half a volume")
		}
	}

	n.azure.on(nil)
	turned.Advance(time.Minute)
	all[0].mustMount()
	for _, p := range all[1:100] {
		p.mustMount()
	}
	if now, few := fallsTo(quiet + 100); !few {
		t.Errorf("%d goroutines afterwards, %d before", now, quiet)
	}
}

// fallsTo waits until the process has at most so many goroutines: those of calls that have been answered end a little
// later than their callers hear of it, on a busy machine much later. What is held does not end however long one waits.
func fallsTo(most int) (now int, few bool) {
	for deadline := time.Now().Add(2 * time.Minute); ; runtime.Gosched() {
		if now = runtime.NumGoroutine(); now <= most || time.Now().After(deadline) {
			return now, now <= most
		}
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// One pod's vault that hangs must not be everybody's.
func TestAHangingVaultDoesNotKeepAnotherVaultsPodsWaiting(t *testing.T) {
	t.Parallel()
	n := newNode(t, unhurried)
	release := make(chan struct{})
	n.azure.on(func(kind string, _ http.ResponseWriter, r *http.Request) bool {
		if kind == "secrets" && strings.HasPrefix(r.Host, "kv-hung.") {
			<-release
			panic(http.ErrAbortHandler)
		}
		return false
	})
	var group sync.WaitGroup
	for i := range 200 {
		p := n.pod(parameters(secrets(fmt.Sprintf("o%d", i)), "keyvaultName", "kv-hung"))
		group.Go(func() { _ = p.mount() })
	}
	n.pod(parameters(secrets("a"))).mustMount()
	close(release)
	group.Wait()
}

// A vault's connection is opened while the token is asked for. Where there is no token it must not keep the answer back,
// nor outlive it.
func TestARefusedTokenIsToldAtOnceThoughTheVaultDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for kind, change := range map[string][]string{"token": nil, "nmi": {"clientID", "", "usePodIdentity", "true"}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			n := newNode(t, func(s *settings) {
				s.warm = func(ctx context.Context, _ string) {
					<-ctx.Done() // a vault that takes no connection
					close(ended)
				}
			})
			n.azure.on(only(kind, status(401)))
			p := n.pod(parameters(secrets("a"), change...))
			p.refused(p.mount(), codes.PermissionDenied)
			select {
			case <-ended:
			default:
				t.Error("connecting goes on after the answer")
			}
		})
	}
}
