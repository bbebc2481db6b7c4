// Package azure is the Azure Key Vault provider: a class's parameters in, a volume's files out. It puts the Azure rooms
// together (params, cloud, policy, token, keyvault, material) and lets share decide what must be asked and what is
// already known.
//
// A mount is all or nothing: every object that is not optional must be had, or the whole mount fails with one line that
// names each failed object, whom Azure saw and the command that mends it. What may be served when Azure cannot be asked
// is the last known good of the very same principal: of any age where it is what the mounted volume holds already,
// otherwise only where class and operator allow it, and never after a refusal.
package azure

import (
	"context"
	"crypto/rand"
	"runtime"
	"time"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/params"
	"strongroom/internal/azure/policy"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// Config is what a Provider needs. Tokens, Vaults, Pool and Clock are required.
type Config struct {
	Tokens *token.Client
	Vaults *keyvault.Client
	Pool   *share.Pool
	Clock  clock.Clock

	// Cloud is used by classes that name none. The zero value is the public cloud.
	Cloud cloud.Cloud
	// CloudFiles is the one directory whose files a class may name as cloudEnvFileName. Empty allows none: a class's
	// author must not be able to send tokens to an authority of their own choosing.
	CloudFiles string
	// Policy restricts identity modes and vaults by namespace. The zero value allows everything.
	Policy policy.Policy

	// Freshness is how old a shared answer may be for a driver that does not state an age. Zero shares nothing with
	// requests that began earlier.
	Freshness time.Duration
	// LastKnownGood bounds the age of what a first mount may be served during an outage, where its class asks for it.
	// Zero never serves it.
	LastKnownGood time.Duration

	// Chain orders certificate chains leaf to root; Split writes <path>.crt and <path>.key beside certificate-backed
	// secrets. Both are the operator's choice for the whole node, as in the provider this one replaces.
	Chain, Split bool

	// Warm opens a connection to an address ahead of its first request, so that the vault's handshake happens while the
	// token is asked for; nil goes without.
	Warm func(ctx context.Context, address string)
	// System is the node's operating system in Go's words; empty is the one this was built for. Pod identity exists on
	// Linux only.
	System string
	// Observer is told of every request to Azure; nil tells nobody.
	Observer Observer
}

// Observer counts requests to Azure. It must not block.
type Observer interface {
	// Called is told the service (entra, imds, nmi, tokenproxy or keyvault), the kind of object asked for (empty for a
	// token), how long the answer took and what became of it.
	Called(service, object string, took time.Duration, err error)
}

// Provider implements provider.Provider. It is safe for concurrent use.
type Provider struct {
	Config
	clouds clouds
	// key keys the hashes that stand for credentials in principals, so that an evidence says nothing outside this
	// process.
	key [32]byte
}

// New makes a Provider.
func New(c Config) *Provider {
	if c.Cloud == (cloud.Cloud{}) {
		c.Cloud, _ = cloud.Named(cloud.Public)
	}
	if c.System == "" {
		c.System = runtime.GOOS
	}
	p := &Provider{Config: c, clouds: clouds{dir: c.CloudFiles, own: c.Cloud}}
	rand.Read(p.key[:]) // never fails; it ends the process instead
	return p
}

var _ provider.Provider = (*Provider)(nil)

// Mount fetches a volume's content. Errors are *fault.Error; every problem of the parameters is told at once, before
// any request.
func (p *Provider) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	plan, err := p.plan(req)
	if err != nil {
		return provider.Response{Report: plan.report()}, err
	}
	began := p.Clock.Now()
	m := &mount{Provider: p, plan: plan, began: began, notBefore: began.Add(-p.Freshness), current: req.Current}
	if req.Freshness.Stated() {
		m.notBefore = req.Freshness.NotBefore
	}
	return m.run(ctx)
}

// plan is everything about a mount that is decided before the first request.
type plan struct {
	params.Request
	cloud cloud.Cloud
	vault keyvault.Vault
	url   string
}

func (p *Provider) plan(req provider.Request) (plan, error) {
	request, err := params.Decode(params.Input{
		Attributes:   req.Attributes,
		Secrets:      req.Secrets,
		Mode:         req.Mode,
		DefaultCloud: p.clouds.defaultName(),
		Split:        p.Split,

		DefaultAudience: p.Cloud.ExchangeAudience(),
	})
	plan := plan{Request: request}
	if err != nil {
		return plan, err
	}
	if plan.cloud, err = p.clouds.find(request); err != nil {
		return plan, err
	}
	plan.url = plan.cloud.VaultURL(request.Vault)
	if plan.vault, err = keyvault.ParseVault(plan.url); err != nil {
		return plan, err
	}
	if err := p.possible(request.Identity.Mode); err != nil {
		return plan, err
	}
	return plan, p.Policy.Check(request.Pod.Namespace, request.Identity.Mode, request.Vault)
}

// possible says whether a node like this can have the identity mode.
func (p *Provider) possible(mode secret.Mode) error {
	if mode == secret.PodIdentity && p.System == "windows" {
		return fault.New(fault.Unsupported, "parameter usePodIdentity", "there is no pod identity on Windows nodes: its daemon runs on Linux only").
			Mend("use workload identity (clientID), or the node's own identity (useVMManagedIdentity)")
	}
	return nil
}

// source says in words where the token comes from.
func (p plan) source() string {
	switch p.Identity.Mode {
	case secret.ManagedIdentity:
		return "the node's metadata service (IMDS)"
	case secret.PodIdentity:
		return "the node's pod identity daemon (NMI)"
	case secret.IdentityBinding:
		return "the cluster's token proxy"
	default:
		return p.cloud.Authority
	}
}

// report is what is known before anything was asked.
func (p plan) report() provider.Report {
	report := provider.Report{Why: p.Identity.Why, Vault: p.url, Authority: p.source(), Resource: p.cloud.VaultResource}
	if p.Identity.Assertion != nil {
		report.Audience = p.Identity.Assertion.Audience
	}
	return report
}
