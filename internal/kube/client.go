package kube

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// manager is the name under which server-side apply records which fields are ours.
const manager = "strongroom"

const (
	// callTimeout bounds every call but a watch; the caller's context may end it earlier.
	callTimeout = 10 * time.Second
	// Requests per second of one process, and how many at once after a pause, unless the configuration says otherwise.
	// What runs on nodes does not come near it in peace; it is there so that a defect of ours cannot become an attack.
	callsPerSecond = 50
	callsAtOnce    = 100
)

// Config says which API server is spoken to, and how. The zero value is the cluster the process runs in, without a log.
type Config struct {
	// Kubeconfig is the file that says where the API server is and who we are, or several as KUBECONFIG lists them.
	// Empty is the ServiceAccount of the pod the process runs in.
	Kubeconfig string
	// Context is the kubeconfig's context to use; empty is its current one.
	Context string
	// UserAgent is what the API server's audit log calls us: "strongroom/1.2.3". Empty is "strongroom".
	UserAgent string
	// CallsPerSecond bounds the requests of this client, and CallsAtOnce how many may come together after a pause. Zero is
	// 50 and 100. One process that writes for every pod of a cluster needs more.
	CallsPerSecond, CallsAtOnce int
	// Log is told of watches that fail and come back, and of events that were dropped. Nil is nowhere.
	Log *slog.Logger
	// Clock is nil for the machine's.
	Clock clock.Clock
}

// Client is one process's access to one API server. It is safe for concurrent use and meant to live as long as the
// process: connections and the bound on requests are shared in it.
type Client struct {
	rest  *rest.RESTClient
	http  *http.Client
	log   *slog.Logger
	clock clock.Clock
	// backoff is how long a watch that failed waits before it tries again; tests shorten it.
	backoff wait.Backoff
}

// New reads the configuration and makes no call. Errors are Invalid when the kubeconfig cannot be used, and Unsupported
// when there is none and the process does not run in a cluster.
func New(c Config) (*Client, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cluster access", "cannot be used")
	}
	restClient, err := rest.UnversionedRESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cluster access", "cannot be used")
	}
	client := &Client{rest: restClient, http: httpClient, log: c.Log, clock: c.Clock, backoff: watchBackoff}
	if client.log == nil {
		client.log = slog.New(slog.DiscardHandler)
	}
	if client.clock == nil {
		client.clock = clock.Real{}
	}
	return client, nil
}

// Close ends the connections nobody uses. The client can be used afterwards and opens new ones.
func (c *Client) Close() { utilnet.CloseIdleConnectionsFor(c.http.Transport) }

// Version is the API server's own version, such as v1.36.3. It needs no permission.
func (c *Client) Version(ctx context.Context) (string, error) {
	raw, err := c.raw(ctx, call{verb: http.MethodGet, path: []string{"version"}})
	if err != nil {
		return "", err
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(raw, &version); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "API server", "its answer to a call for its version cannot be read")
	}
	return version.GitVersion, nil
}
