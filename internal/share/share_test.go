package share_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// text is an answer.
type text string

func (t text) Size() int { return len(t) }

// node is a managed identity: its proof has no end.
func node(client string) share.Grant {
	return share.Grant{Principal: secret.Principal{Mode: secret.ManagedIdentity, Client: client}}
}

// pod is a workload identity with a proof that lasts d from now.
func pod(now time.Time, d time.Duration) share.Grant {
	return share.Grant{
		Principal: secret.Principal{Mode: secret.WorkloadIdentity, Client: "app", Evidence: "issuer|subject|audience"},
		Until:     now.Add(d),
	}
}

func want(g share.Grant, name string) share.Want {
	return share.Want{Grant: g, Vault: "https://v1.vault.azure.net", Name: name}
}

// counterpart answers with what it was last given, and counts.
type counterpart struct {
	answer text
	err    error
	calls  int
}

func (c *counterpart) fetch(context.Context) (text, error) {
	c.calls++
	return c.answer, c.err
}

// hanging is a fetch that says when it was called and returns when told to.
type hanging struct {
	called chan struct{}
	answer chan text
}

func newHanging() *hanging { return &hanging{make(chan struct{}, 10_000), make(chan text)} }

func (h *hanging) fetch(ctx context.Context) (text, error) {
	h.called <- struct{}{}
	select {
	case v := <-h.answer:
		return v, nil
	case <-ctx.Done():
		return "", fault.Wrap(ctx.Err(), fault.Unavailable, "vault", "request cut short")
	}
}

func mustGet(t *testing.T, p *share.Pool, w share.Want, fetch func(context.Context) (text, error)) share.Answer[text] {
	t.Helper()
	a, err := share.Get(context.Background(), p, w, fetch)
	if err != nil {
		t.Fatalf("get %s: %v", w.Name, err)
	}
	return a
}

func expectKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %v, want %v", err, fault.KindOf(err), kind)
	}
}

// newPool is a pool on a clock that the test turns.
func newPool(cfg share.Config) (*share.Pool, *clock.Fake) {
	c := clock.NewFake()
	cfg.Clock = c
	cfg.Rand = func() float64 { return 0 }
	return share.New(cfg), c
}

// bubble runs a test in synthetic time, with a pool on the machine's clock, which stands still while anyone works.
func bubble(t *testing.T, cfg share.Config, test func(t *testing.T, p *share.Pool)) {
	t.Parallel()
	cfg.Rand = func() float64 { return 0 }
	synctest.Test(t, func(t *testing.T) { test(t, share.New(cfg)) })
}
