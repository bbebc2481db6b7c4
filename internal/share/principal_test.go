package share_test

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// TestAnotherPrincipalGetsNothing changes every field of a principal in turn, whatever fields there will be, and tries
// every way to an answer that is there for the original.
func TestAnotherPrincipalGetsNothing(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	owner := share.Grant{
		Principal: secret.Principal{
			Mode: secret.WorkloadIdentity, Cloud: "cloud", Authority: "authority", Tenant: "tenant", Client: "client", Evidence: "evidence",
		},
		Until: c.Now().Add(time.Hour),
	}
	w := want(owner, "get secret/s@")
	mustGet(t, p, w, (&counterpart{answer: "the owner's"}).fetch)
	issueToken(t, p, w, c.Now().Add(time.Hour))

	fields := reflect.TypeFor[secret.Principal]()
	for i := range fields.NumField() {
		t.Run(fields.Field(i).Name, func(t *testing.T) {
			thief := w
			field := reflect.ValueOf(&thief.Grant.Principal).Elem().Field(i)
			field.SetString(field.String() + "x")
			thief.NotBefore = c.Now().Add(-time.Hour)
			thief.Immutable = true

			if a, ok := share.LastKnownGood[text](p, thief, 1000*time.Hour); ok {
				t.Errorf("last known good gave %+v", a)
			}
			own := &counterpart{answer: "its own"}
			if a := mustGet(t, p, thief, own.fetch); a.Shared || a.Value != "its own" {
				t.Errorf("get gave %+v", a)
			}
			a, err := share.GetToken(context.Background(), p, thief, func(context.Context) (ticket, error) {
				return ticket{name: "its own", expires: c.Now().Add(time.Hour)}, nil
			})
			if err != nil || a.Shared || a.Value.name != "its own" {
				t.Errorf("get token gave %+v, %v", a, err)
			}
		})
	}
}

func TestAnotherQuestionGetsNothing(t *testing.T) {
	t.Parallel()
	p, _ := newPool(share.Config{})
	w := want(node("a"), "get secret/s@")
	mustGet(t, p, w, (&counterpart{answer: "first"}).fetch)
	for name, change := range map[string]func(*share.Want){
		"name":                    func(w *share.Want) { w.Name = "get secret/s@v1" },
		"vault":                   func(w *share.Want) { w.Vault = "https://v2.vault.azure.net" },
		"vault and name run over": func(w *share.Want) { w.Vault, w.Name = w.Vault+w.Name[:1], w.Name[1:] },
	} {
		other := w
		other.Immutable = true
		change(&other)
		if a := mustGet(t, p, other, (&counterpart{answer: "other"}).fetch); a.Value != "other" {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

func TestProofMustHold(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	valid := pod(c.Now(), time.Hour)
	w := want(valid, "get secret/s@")
	mustGet(t, p, w, (&counterpart{answer: "kept"}).fetch)
	issueToken(t, p, w, c.Now().Add(24*time.Hour))

	grant := func(change func(*share.Grant)) share.Grant {
		g := valid
		change(&g)
		return g
	}
	for name, tc := range map[string]struct {
		grant share.Grant
		kind  fault.Kind
	}{
		"ended at this very moment":      {grant(func(g *share.Grant) { g.Until = c.Now() }), fault.Expired},
		"ended long ago":                 {grant(func(g *share.Grant) { g.Until = c.Now().Add(-time.Hour) }), fault.Expired},
		"a token's proof without an end": {grant(func(g *share.Grant) { g.Until = time.Time{} }), fault.Expired},
		"a binding's without an end": {grant(func(g *share.Grant) {
			g.Until, g.Principal.Mode = time.Time{}, secret.IdentityBinding
		}), fault.Expired},
		"no principal": {share.Grant{Until: valid.Until}, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			w := want(tc.grant, "get secret/s@")
			w.Immutable = true
			vault := &counterpart{answer: "fetched"}
			_, err := share.Get(context.Background(), p, w, vault.fetch)
			expectKind(t, err, tc.kind)
			_, err = share.GetToken(context.Background(), p, w, func(context.Context) (ticket, error) {
				vault.calls++
				return ticket{}, nil
			})
			expectKind(t, err, tc.kind)
			if a, ok := share.LastKnownGood[text](p, w, time.Hour); ok {
				t.Errorf("last known good gave %+v", a)
			}
			if vault.calls != 0 {
				t.Errorf("%d requests were sent for it", vault.calls)
			}
		})
	}
}

// A proof that ends while its bearer waits opens nothing, whether it leads or follows.
func TestProofEndsInTheAir(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		slow := newHanging()
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := share.Get(context.Background(), p, want(pod(time.Now(), time.Minute), "get secret/s@"), slow.fetch)
				results <- err
			}()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		slow.answer <- "too late"
		for range 2 {
			expectKind(t, <-results, fault.Expired)
		}
	})
}

func TestOneQuestionTwoTypesIsADefect(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	w := want(node("a"), "get secret/s@")
	w.NotBefore = c.Now()
	mustGet(t, p, w, (&counterpart{answer: "text"}).fetch)
	_, err := share.Get(context.Background(), p, w, func(context.Context) (ticket, error) { return ticket{}, nil })
	expectKind(t, err, fault.Internal)
	if a, ok := share.LastKnownGood[ticket](p, w, time.Hour); ok {
		t.Errorf("last known good gave %+v", a)
	}
}
