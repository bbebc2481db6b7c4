package cli

import (
	"context"
	"flag"
	"net"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/podid/nmi/redirect"
	"strongroom/internal/telemetry"
)

// nmiConfig is NMI's command line: the flags of the program it replaces, and a few of its own.
type nmiConfig struct {
	Kubeconfig    string
	Node          string
	DaemonSet     string // namespace/name
	Listen        string
	Port          int
	MetadataIP    string
	MetadataPort  int
	Mode          string
	Namespaced    bool
	HeaderNeeded  bool
	Block         bool
	EarlyRetry    bool
	Created       int
	Assigned      int
	IntervalSecs  int
	Refuse        string
	Except        string
	Authorities   string
	CAFile        string
	UserAgent     string
	HostRoot      string
	RulesSecs     int
	Conntrack     bool
	Redirect      bool
	Cleanup       bool
	SharedLinks   bool
	KubeletConfig string
	HealthPort    int
	MetricsPort   int
	ShowVersion   bool
	log           logFlags
}

func nmiFlags(set *flag.FlagSet, p Process) *nmiConfig {
	c := &nmiConfig{log: addOldLogFlags(set)}
	set.StringVar(&c.Kubeconfig, "kubeconfig", p.Getenv("KUBECONFIG"), "`file` that says where the cluster is; empty is the one this pod runs in")
	set.StringVar(&c.Node, "node", p.Getenv("NODE_NAME"), "`name` of this node")
	set.StringVar(&c.DaemonSet, "daemonset", "", "`namespace/name` of the DaemonSet this runs in; when it is gone at the end, the rules are removed, and otherwise kept for the successor")
	set.StringVar(&c.Listen, "nmi-listen-address", "127.0.0.1", "`address` to serve on; the node's own programs are served on [::1] as well")
	set.IntVar(&c.Port, "nmi-port", 2579, "`port` to serve on")
	set.StringVar(&c.MetadataIP, "metadata-ip", "169.254.169.254", "`address` of the instance metadata service")
	set.IntVar(&c.MetadataPort, "metadata-port", 80, "`port` of the instance metadata service")
	set.StringVar(&c.Mode, "operation-mode", "standard", "standard, where MIC assigns identities, or managed, where they are on the nodes already")
	set.BoolVar(&c.Namespaced, "forceNamespaced", p.Getenv("FORCENAMESPACED") == "true", "identities serve pods of their own namespace only; always so in managed mode")
	set.BoolVar(&c.HeaderNeeded, "metadata-header-required", true, "refuse requests without the header Metadata: true")
	set.BoolVar(&c.Block, "block-instance-metadata", true, "refuse pods everything below /metadata but tokens")
	set.BoolVar(&c.EarlyRetry, "set-retry-after-header", false, "answer 503 with Retry-After where an identity is missing, for clients that come again")
	set.IntVar(&c.Created, "retry-attempts-for-created", 16, "how many `intervals` a pod waits for which nothing is known")
	set.IntVar(&c.Assigned, "retry-attempts-for-assigned", 4, "how many `intervals` more it waits when its identity is on its way")
	set.IntVar(&c.IntervalSecs, "find-identity-retry-interval", 5, "length of such an interval, in `seconds`; a pod is answered at once when its identity is there")
	set.StringVar(&c.Refuse, "refuse-identities", "", "comma-separated client `ids` or resource ids of identities that no pod gets a token of")
	set.StringVar(&c.Except, "except", "", "comma-separated `namespace/label=value` of pods that go past pod identity, besides those of AzurePodIdentityExceptions")
	set.StringVar(&c.Authorities, "authorities", "", "comma-separated token authorities, each https://host, that service principals may name besides Azure's own")
	set.StringVar(&c.CAFile, "ca-file", "", "PEM `file` with certificate authorities trusted besides the system's")
	set.StringVar(&c.HostRoot, "host-root", "", "`directory` where the node's files are, whose iptables is used; empty is /")
	set.IntVar(&c.RulesSecs, "ipt-update-interval-sec", 60, "how often the rules are looked at, in `seconds`")
	set.BoolVar(&c.Conntrack, "enable-conntrack-deletion", true, "end connections to the metadata address that were open before the rules stood")
	set.BoolVar(&c.Redirect, "redirect", true, "lead pods' requests here by rules of the node; without them only the node's own programs are served")
	set.BoolVar(&c.Cleanup, "cleanup", false, "remove the rules and exit")
	set.BoolVar(&c.SharedLinks, "allow-network-plugin-kubenet", false, "start on a network where pods can take each other's address (kubenet, a plain bridge)")
	set.StringVar(&c.KubeletConfig, "kubelet-config", "/etc/default/kubelet", "`file` with the kubelet's flags, as old kubelets have it")
	set.IntVar(&c.HealthPort, "http-probe-port", 8080, "`port` of /healthz and /readyz; below 0 serves none")
	set.IntVar(&c.MetricsPort, "prometheus-port", 9090, "`port` of /metrics; below 0 serves none")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	set.String("MICNamespace", "", ignored+": MIC is known by its exception")
	set.StringVar(&c.UserAgent, "custom-user-agent", "", "`text` after the program's own name, in requests to Azure")
	set.Bool("enableScaleFeatures", true, ignored)
	set.Bool("enableProfile", false, ignored)
	return c
}

func runNMI(ctx context.Context, p Process) error {
	set := flags(p, "nmi", "nmi [flags]")
	c := nmiFlags(set, p)
	if goOn, err := begin(set, p, &c.ShowVersion, c.check); !goOn || err != nil {
		return err
	}
	rules, err := c.rules(telemetry.NewLogger(p.Stderr, c.log.config()))
	if err != nil {
		return err
	}
	if c.Cleanup {
		if rules == nil {
			return nil
		}
		return rules.Remove(ctx)
	}
	collect(p, nmiGCPercent)
	return c.serve(ctx, p, rules)
}

// check finds what could only fail later.
func (c *nmiConfig) check() error {
	c.Mode = strings.ToLower(c.Mode)
	switch {
	case c.Cleanup:
		return nil
	case c.Mode != "standard" && c.Mode != "managed":
		return fault.New(fault.Invalid, "--operation-mode", "%q is not an operation mode", c.Mode).Mend("use standard or managed")
	case c.Node == "":
		return fault.New(fault.Invalid, "--node", "is empty").Mend("set it, or NODE_NAME, to spec.nodeName of the pod")
	case c.Created < 0 || c.Assigned < 0 || c.IntervalSecs < 0:
		return fault.New(fault.Invalid, "--find-identity-retry-interval", "intervals and attempts must not be negative")
	case c.exceptErr() != nil:
		return c.exceptErr()
	case c.DaemonSet != "" && strings.Count(c.DaemonSet, "/") != 1:
		return fault.New(fault.Invalid, "--daemonset", "%q is not namespace/name", c.DaemonSet)
	}
	return nil
}

// safeNetwork refuses a network that is not the node's, and one on which a pod's address proves nothing.
func (c *nmiConfig) safeNetwork() error {
	if !c.Redirect {
		return nil
	}
	if c.HostRoot != "" && redirect.OwnNetwork(c.HostRoot) {
		return fault.New(fault.Unsupported, "network", "this container has a network of its own, and rules made here would lead no pod of the node").
			Mend("set hostNetwork: true for NMI's pods")
	}
	if c.SharedLinks {
		return nil
	}
	const mend = "use a network plugin that keeps pods from each other's addresses, or keep NET_RAW from all pods and set --allow-network-plugin-kubenet"
	named, err := redirect.KubeletNamesKubenet(c.HostRoot, c.KubeletConfig)
	if err != nil {
		return err
	}
	if named {
		return fault.New(fault.Unsupported, "network", "AAD Pod Identity is not supported for Kubenet: %s names it, and there pods can take each other's address", c.KubeletConfig).Mend(mend)
	}
	why, err := redirect.SharedLinkLayer(c.HostRoot)
	if err != nil {
		return err
	}
	if why != "" {
		return fault.New(fault.Unsupported, "network", "%s", why).Mend(mend)
	}
	return nil
}

// addresses are what is served; nil leaves it to the daemon, which then serves the node's own programs on [::1] as well.
func (c *nmiConfig) addresses() []string {
	if address := net.JoinHostPort(c.Listen, strconv.Itoa(c.Port)); address != nmi.Listening {
		return []string{address}
	}
	return nil
}

func (c *nmiConfig) interval() time.Duration { return time.Duration(c.IntervalSecs) * time.Second }

// listed reads a flag that takes several words.
func listed(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
