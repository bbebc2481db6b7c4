package cli

import (
	"cmp"
	"flag"
	"net"
	"os"
	"time"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/policy"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider/azure"
	"strongroom/internal/share"
)

// azureConfig is how Azure is reached and what may be shared: the same for the provider and for the commands that mount
// without one. Its defaults reach Azure's public names.
type azureConfig struct {
	CloudName  string // which cloud classes mean that name none
	CloudFile  string // a custom environment for classes that name none; overrides CloudName
	CloudFiles string // directory of environments that classes may name
	CAFile     string // PEM bundle trusted besides the system's
	HTTPSProxy string // from the environment, as the name says
	NoProxy    string
	IMDS       string // base address of the instance metadata service
	NMI        string // base address of the pod identity daemon
	Policy     string // file with the operator's policy
	UserAgent  string // words behind the program's own in the user agent

	TokenProxy    string // identity binding: the token proxy's address
	SNI           string // identity binding: its TLS name; empty is computed when first needed
	TokenProxyCA  string // identity binding: file with the cluster's CA
	APIServerPort string

	Freshness     time.Duration
	LastKnownGood time.Duration
	MaxBytes      int
	Chain, Split  bool
}

const clusterCA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"

func azureFlags(set *flag.FlagSet, p Process) *azureConfig {
	c := &azureConfig{
		HTTPSProxy:    cmp.Or(p.Getenv("HTTPS_PROXY"), p.Getenv("https_proxy")),
		NoProxy:       cmp.Or(p.Getenv("NO_PROXY"), p.Getenv("no_proxy")),
		APIServerPort: cmp.Or(p.Getenv("KUBERNETES_SERVICE_PORT"), "443"),
	}
	set.StringVar(&c.CloudName, "cloud-name", cloud.Public, "`cloud` of classes that name none")
	set.StringVar(&c.CloudFile, "cloud-file", p.Getenv("AZURE_ENVIRONMENT_FILEPATH"), "custom environment `file` (JSON) for classes that name no cloud")
	set.StringVar(&c.CloudFiles, "cloud-files", "", "`directory` of custom environments that classes may name as cloudEnvFileName; empty allows none")
	set.StringVar(&c.CAFile, "ca-file", "", "PEM `file` with certificate authorities trusted besides the system's")
	set.StringVar(&c.IMDS, "imds-endpoint", cmp.Or(p.Getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST"), "http://169.254.169.254"), "`address` of the instance metadata service")
	set.StringVar(&c.NMI, "nmi-endpoint", "http://127.0.0.1:2579", "`address` of the node's pod identity daemon")
	set.StringVar(&c.Policy, "policy", "", "`file` that restricts identity modes and vaults by namespace")
	set.StringVar(&c.TokenProxy, "token-proxy-url", "", "identity binding: `address` of the token proxy; empty is the API server's")
	set.StringVar(&c.SNI, "sni-name", "", "identity binding: TLS `name` of the token proxy; empty computes it when first needed")
	set.StringVar(&c.TokenProxyCA, "token-proxy-ca-file", clusterCA, "identity binding: PEM `file` with the cluster's certificate authority")
	set.DurationVar(&c.Freshness, "freshness", 2*time.Second, "how old a shared answer may be for a driver that does not state an age")
	set.DurationVar(&c.LastKnownGood, "last-known-good", 0, "greatest age of content that a first mount may be served during an outage, where its class asks for it (lastKnownGood); 0 never")
	set.IntVar(&c.MaxBytes, "cache-bytes", 64<<20, "greatest size of shared answers and last known good, in bytes of memory")
	set.BoolVar(&c.Chain, "construct-pem-chain", true, "order certificate chains leaf to root")
	set.BoolVar(&c.Split, "write-cert-and-key-in-separate-files", false, "also write <file>.crt and <file>.key for certificate-backed secrets")
	return c
}

// azureParts is the provider with what must be closed and can be asked for figures.
type azureParts struct {
	provider *azure.Provider
	pool     *share.Pool
	clients  *transport.Clients
}

// shared is how answers were come by, for the metrics.
func (p *azureParts) shared() map[string]uint64 {
	s := p.pool.Stats()
	return map[string]uint64{"hit": s.Hits, "joined": s.Joined, "flight": s.Flights, "stale": s.Stale, "refused": s.Refusals}
}

func (c *azureConfig) build(observer azure.Observer) (*azureParts, error) {
	own, err := c.cloud()
	if err != nil {
		return nil, err
	}
	ca, err := readOptional(c.CAFile, "--ca-file")
	if err != nil {
		return nil, err
	}
	rules, err := c.policy()
	if err != nil {
		return nil, err
	}
	clients, err := transport.New(transport.Config{CA: ca, HTTPSProxy: c.HTTPSProxy, NoProxy: c.NoProxy})
	if err != nil {
		return nil, err
	}
	pool := share.New(share.Config{Clock: clock.Real{}, MaxBytes: c.MaxBytes, MaxPerVault: perVault, MaxIdle: max(time.Hour, c.LastKnownGood), PerVault: map[string]int{azure.IMDS: 5}})
	tokens := token.New(token.Config{
		HTTP: clients.Azure, Direct: clients.Direct, Clock: clock.Real{}, IMDS: c.IMDS, NMI: c.NMI, Version: Version, UserAgentSuffix: c.UserAgent,
		Binding: token.Binding{
			URL: c.TokenProxy, SNI: c.SNI,
			APIServer: net.JoinHostPort("kubernetes.default.svc.cluster.local", c.APIServerPort),
			CA:        func() ([]byte, error) { return os.ReadFile(c.TokenProxyCA) },
		},
	})
	return &azureParts{
		provider: azure.New(azure.Config{
			Tokens: tokens, Vaults: keyvault.New(keyvault.Config{HTTP: clients.Azure, Version: Version, UserAgentSuffix: c.UserAgent}),
			Pool: pool, Clock: clock.Real{}, Cloud: own, CloudFiles: c.CloudFiles, Policy: rules,
			Freshness: c.Freshness, LastKnownGood: c.LastKnownGood, Chain: c.Chain, Split: c.Split,
			Observer: observer, Warm: clients.Warm,
		}),
		pool: pool, clients: clients,
	}, nil
}

func (c *azureConfig) cloud() (cloud.Cloud, error) {
	if c.CloudFile == "" {
		return cloud.Named(c.CloudName)
	}
	text, err := readOptional(c.CloudFile, "--cloud-file")
	if err != nil {
		return cloud.Cloud{}, err
	}
	return cloud.Parse(text)
}

func (c *azureConfig) policy() (policy.Policy, error) {
	if c.Policy == "" {
		return policy.Policy{}, nil
	}
	text, err := readOptional(c.Policy, "--policy")
	if err != nil {
		return policy.Policy{}, err
	}
	return policy.Parse(text)
}

// perVault is how many reads of one vault may be in the air: enough for a class of fifty objects in one round trip, and
// a fraction of what a vault serves.
const perVault = 64

// readOptional reads a file that a setting names; no name is no file.
func readOptional(path, setting string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, setting, "the file cannot be read")
	}
	return data, nil
}
