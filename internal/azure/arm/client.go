package arm

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// apiVersion is the one that the original speaks, and the newest that every cloud and every Azure Stack Hub in support
// knows. What is needed of it has not changed since.
const apiVersion = "2019-12-01"

// Client reads and updates identities of any number of machines. It is safe for concurrent use and keeps nothing but
// connections.
type Client struct {
	config   Config
	agent    string
	endpoint *url.URL // nil: not usable
}

// New makes a client; it connects to nothing. An Endpoint that is no plain https address makes every call fail with
// Invalid.
func New(c Config) *Client {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Client{config: c, agent: transport.Agent(c.Version, c.UserAgentSuffix), endpoint: endpointOf(c.Endpoint)}
}

func endpointOf(address string) *url.URL {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	return u
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	hidden secret.Value // the token it was asked with: cut out of whatever the server says
	now    time.Time
}

// address is a machine's.
func (c *Client) address(r Resource) (string, error) {
	if !r.valid() {
		return "", fault.New(fault.Invalid, r.String(), "does not make an address")
	}
	if c.endpoint == nil {
		return "", fault.New(fault.Invalid, "resource manager endpoint", "is not a plain https address").
			Mend("check the cloud in azure.json, and resourceManagerEndpoint in the file of a custom cloud")
	}
	path := c.endpoint.EscapedPath()
	for _, segment := range strings.Split(r.ID(), "/")[1:] {
		path += "/" + url.PathEscape(segment)
	}
	return "https://" + c.endpoint.Host + path + "?api-version=" + apiVersion, nil
}

// ours checks that an address is the endpoint's own, before a token is sent there: operations' addresses come out of
// answers and out of storage.
func (c *Client) ours(address string) (*url.URL, error) {
	const subject = "address of an operation"
	u, err := url.Parse(address)
	switch {
	case c.endpoint == nil:
		return nil, fault.New(fault.Invalid, "resource manager endpoint", "is not a plain https address")
	case err != nil || u.Opaque != "" || u.User != nil:
		return nil, fault.New(fault.Unavailable, subject, "cannot be used")
	case u.Scheme != "https" || host(u) != host(c.endpoint):
		return nil, fault.New(fault.Unavailable, subject, "leads to %s, where no token may go: only https://%s is asked",
			transport.Line(fault.Shorten(u.Scheme+"://"+u.Host)), c.endpoint.Host).
			Mend("look for a proxy between this node and %s that changes answers", c.endpoint.Host)
	}
	return u, nil
}

// host is an https address's host and port in one spelling.
func host(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// send makes the one request of a method. What it returns as an error is a call without a usable answer; refusals are
// replies. No body is a GET's.
func (c *Client) send(ctx context.Context, method, address, subject string, body []byte, headers ...string) (reply, error) {
	u, err := c.ours(address)
	if err != nil {
		return reply{}, err
	}
	bearer, err := c.config.Token(ctx)
	if err != nil {
		return reply{}, noToken(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return reply{}, fault.New(fault.Invalid, subject, "does not make a request")
	}
	req.Header.Set("Authorization", "Bearer "+string(bearer.Reveal()))
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.receive(req, subject, bearer)
}

func (c *Client) receive(req *http.Request, subject string, bearer secret.Value) (reply, error) {
	resp, body, err := transport.Ask(c.config.HTTP, req, subject)
	if err != nil {
		return reply{}, err
	}
	if resp.StatusCode == http.StatusUnauthorized && c.config.Refused != nil {
		c.config.Refused(bearer)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body, hidden: bearer, now: c.config.Clock.Now()}, nil
}

// noToken keeps the reason of a failed login, but never its NotFound: that a tenant is not found must not be taken for a
// machine that is gone.
func noToken(err error) error {
	kind := fault.KindOf(err)
	if kind == fault.NotFound {
		kind = fault.Denied
	}
	return fault.Wrap(err, kind, "azure resource manager", "no token to ask with")
}
