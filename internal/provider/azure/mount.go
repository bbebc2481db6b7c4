package azure

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// mount is one fetch in work.
type mount struct {
	*Provider
	plan      plan
	began     time.Time
	notBefore time.Time        // shared answers were asked for at or after this
	current   []secret.Version // what the volume holds already; empty on a first mount

	grant share.Grant

	tokenLock  sync.Mutex
	token      token.Token // the one this mount reads with
	tokenAsked time.Time   // when it was asked for
	tokenErr   error       // why there is none; set before any object is fetched
	renewed    bool        // it has been replaced after a refusal
	group      errgroup.Group

	tokenCalls, vaultCalls, shared atomic.Int64
}

// run gets the token and then every object in parallel. A refused token ends the mount at once: no object could be read
// with it. An authority that cannot be asked does not, since what is known may still serve.
func (m *mount) run(ctx context.Context) (provider.Response, error) {
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop() // a connection that is still being opened ahead is of no use any more
		_ = m.group.Wait()
	}()
	grant, err := m.prove()
	if err != nil {
		return m.failed(err)
	}
	m.grant = grant
	if grant.Principal.Mode == secret.PodIdentity {
		if err := m.askNMI(ctx); err != nil {
			return m.failed(err)
		}
	}
	if m.tokenErr = m.firstToken(ctx); m.tokenErr != nil && !passing(m.tokenErr) {
		return m.failed(m.tokenErr)
	}
	results := make([]result, len(m.plan.Objects))
	for i, object := range m.plan.Objects {
		m.group.Go(func() error {
			results[i] = m.fetch(ctx, object)
			return nil
		})
	}
	_ = m.group.Wait() // each result carries its own error
	return m.response(results)
}

// askNMI asks the node's pod identity daemon for this very pod, every time: its answer is the proof, and the client id
// in it decides with whom anything is shared.
func (m *mount) askNMI(ctx context.Context) error {
	m.warm(ctx)
	got, err := m.acquire(ctx, "")
	if err != nil {
		return err
	}
	m.token = got
	m.grant.Principal.Client = got.ClientID
	m.grant.Principal.Evidence = holderOf(got)
	m.grant.Until = got.ExpiresOn
	return nil
}

// firstToken gets the access token this mount reads with.
func (m *mount) firstToken(ctx context.Context) error {
	m.tokenLock.Lock()
	defer m.tokenLock.Unlock()
	if m.token.Value.Len() > 0 {
		return nil // NMI gave it
	}
	_, err := m.takeLocked(ctx, m.wantToken(), "")
	return err
}

// bearer is the token as it is now.
func (m *mount) bearer() (secret.Value, error) {
	m.tokenLock.Lock()
	defer m.tokenLock.Unlock()
	return m.token.Value, m.tokenErr
}

// passing tells failures that go by themselves from those that somebody must mend.
func passing(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.Throttled
}

// renew replaces a token that the vault refused, once for all objects of the mount and, through share, for everybody
// who was refused with the same one. Once only: a token source may give the same token again (IMDS does, from its cache),
// and a vault that takes no token of this identity would cost one per object. What other vaults answered with the old
// token stays: one vault's refusal, which may be that of a vault in another tenant, speaks for itself alone.
func (m *mount) renew(ctx context.Context, refused secret.Value, claims string) (secret.Value, error) {
	m.tokenLock.Lock()
	defer m.tokenLock.Unlock()
	if !m.token.Value.Equal(refused) {
		return m.token.Value, nil // another object of this mount was faster
	}
	if m.renewed {
		return secret.Value{}, fault.New(fault.Denied, "token", "the vault refused a token that had just been renewed")
	}
	if m.grant.Principal.Mode == secret.PodIdentity {
		return secret.Value{}, fault.New(fault.Denied, "token", "the vault refused the token that the node's pod identity daemon gave")
	}
	m.renewed = true
	want := m.wantToken()
	want.NotBefore = m.tokenAsked.Add(1)
	return m.takeLocked(ctx, want, claims)
}

func (m *mount) takeLocked(ctx context.Context, want share.Want, claims string) (secret.Value, error) {
	got, err := share.GetToken(ctx, m.Pool, want, func(ctx context.Context) (accessToken, error) {
		m.warm(ctx)
		got, err := m.acquire(ctx, claims)
		return accessToken{got}, err
	})
	if err != nil {
		return secret.Value{}, err
	}
	m.token, m.tokenAsked = got.Value.Token, got.AskedAt
	return m.token.Value, nil
}

// warm lets the vault's handshake happen while the token is asked for.
func (m *mount) warm(ctx context.Context) {
	if m.Warm != nil {
		m.group.Go(func() error {
			m.Warm(ctx, m.plan.url)
			return nil
		})
	}
}

// IMDS is the name share knows the node's metadata service by. It serves few callers at a time.
const IMDS = "imds"

// wantToken names the token in share. The authority is its vault: what throttles there is the authority.
func (m *mount) wantToken() share.Want {
	authority := m.issuer()
	if authority == "entra" {
		authority = m.plan.cloud.Authority
	}
	return share.Want{Grant: m.grant, Vault: authority, Name: "token " + m.plan.cloud.VaultResource}
}

// accessToken tells share how long a token may be used.
type accessToken struct{ token.Token }

func (t accessToken) Size() int                              { return t.Value.Len() }
func (t accessToken) Life() (refreshOn, expiresOn time.Time) { return t.RefreshOn, t.ExpiresOn }

// failed is the answer when nothing could be asked for.
func (m *mount) failed(err error) (provider.Response, error) {
	report := m.report()
	for _, object := range m.plan.Objects {
		report.Objects = append(report.Objects, outcomeOf(result{object: object, err: err}, m.began))
	}
	return provider.Response{Report: report}, m.explain([]result{{err: err}})
}
