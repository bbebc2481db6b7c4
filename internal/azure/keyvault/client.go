package keyvault

import (
	"context"
	"errors"
	"net/http"

	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Config holds what every request needs.
type Config struct {
	// HTTP sends the requests. Required: a client of package transport, which bounds answers and follows no redirect.
	HTTP *http.Client
	// Version is the program's own, for the user agent "strongroom/<version>"; empty is "strongroom".
	Version string
	// UserAgentSuffix follows it, for operators who look for their clusters in Azure's logs; empty is none.
	UserAgentSuffix string
	// Clock is what a Retry-After date is compared with; nil is the machine's.
	Clock clock.Clock
	// MaxPages bounds the pages of one version list; 0 is 200, which is 5,000 versions.
	MaxPages int
}

// Client reads from any number of vaults. It is safe for concurrent use and keeps nothing but connections.
type Client struct {
	pipeline runtime.Pipeline
	clock    clock.Clock
	maxPages int
}

// New makes a client; it connects to nothing.
//
// The requests go through azcore's pipeline, but not through the generated Key Vault clients: those begin with an
// anonymous request, follow the challenge it meets, and send the token along to whatever host a next page names.
func New(c Config) *Client {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.MaxPages <= 0 {
		c.MaxPages = 200
	}
	return &Client{
		pipeline: runtime.NewPipeline("strongroom", c.Version,
			runtime.PipelineOptions{PerRetry: []policy.Policy{bearer{}, userAgent(transport.Agent(c.Version, c.UserAgentSuffix))}},
			&policy.ClientOptions{
				Transport: c.HTTP,
				Retry:     policy.RetryOptions{MaxRetries: -1}, // waiting is decided once for all who share a vault, not here
				Telemetry: policy.TelemetryOptions{Disabled: true},
			}),
		clock:    c.Clock,
		maxPages: c.MaxPages,
	}
}

// call is one request: of whom, by what right, and about what.
type call struct {
	vault  Vault
	token  secret.Value
	object secret.Object
	list   bool // a list of versions, not the object: needs another permission
}

func (c call) subject() string { return c.object.String() }

// get makes the one request and gives the body of a success. address must be the vault's own.
func (c *Client) get(ctx context.Context, what call, address string) ([]byte, error) {
	req, err := runtime.NewRequest(ctx, http.MethodGet, address)
	if err != nil {
		return nil, fault.New(fault.Invalid, what.subject(), "does not make an address")
	}
	req.Raw().Header.Set("Accept", "application/json")
	req.SetOperationValue(right{token: what.token, vault: what.vault})
	runtime.SkipBodyDownload(req)
	resp, err := c.pipeline.Do(req)
	var stopped *fault.Error
	if errors.As(err, &stopped) {
		return nil, stopped
	}
	if err != nil {
		return nil, transport.Unreached(err, what.subject(), what.vault.host)
	}
	body, err := transport.Body(resp)
	if redirected := transport.Redirected(resp, what.subject()); redirected != nil {
		return nil, redirected
	}
	if err != nil {
		f := transport.Unreached(err, what.subject(), what.vault.host)
		if errors.Is(err, transport.ErrTooLarge) {
			f.Remote.Status = resp.StatusCode // it answered, see nonsense
		}
		return nil, f
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp, body, what, c.clock.Now())
	}
	return body, nil
}

// right travels with a request: the token and the only vault it may be shown to.
type right struct {
	token secret.Value
	vault Vault
}

// bearer is the policy that authorizes. It checks the address once more, at the last place before the wire.
type bearer struct{}

// Do implements policy.Policy.
func (bearer) Do(req *policy.Request) (*http.Response, error) {
	var r right
	u := req.Raw().URL
	if !req.OperationValue(&r) || u.Scheme != "https" || canonical(u) != r.vault.host {
		return nil, fault.New(fault.Internal, "keyvault", "a request without right to its address was stopped")
	}
	req.Raw().Header.Set("Authorization", "Bearer "+string(r.token.Reveal()))
	return req.Next()
}

type userAgent string

// Do implements policy.Policy.
func (a userAgent) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Set("User-Agent", string(a))
	return req.Next()
}
