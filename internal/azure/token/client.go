package token

import (
	"context"
	"net/http"
	"strings"

	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// Client asks for tokens. It is safe for concurrent use and keeps nothing but connections.
type Client struct {
	config  Config
	agent   string
	binding *binding
}

// New makes a client; it connects to nothing.
func New(c Config) *Client {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	c.IMDS = baseOr(c.IMDS, "http://169.254.169.254")
	c.NMI = baseOr(c.NMI, "http://localhost:2579")
	return &Client{config: c, agent: transport.Agent(c.Version, c.UserAgentSuffix), binding: newBinding(c.Binding)}
}

func baseOr(base, otherwise string) string {
	if base == "" {
		return otherwise
	}
	return strings.TrimRight(base, "/")
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) ok() bool { return r.status == http.StatusOK || r.status == http.StatusCreated }

// send makes the one request of a flow. What it returns as an error is a call without a usable answer; refusals are
// replies.
func (c *Client) send(ctx context.Context, via *http.Client, req *http.Request, subject string) (reply, error) {
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json")
	resp, body, err := transport.Ask(via, req.WithContext(ctx), subject)
	if err != nil {
		return reply{}, err
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// nonsense is the fault of an answer that claims success and is none. It never quotes the body: a token may be in it.
func nonsense(subject, format string, args ...any) *fault.Error {
	return fault.New(fault.Unavailable, subject, format, args...)
}
