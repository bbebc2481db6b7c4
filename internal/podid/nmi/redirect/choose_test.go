package redirect_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/podid/nmi/redirect"
)

const (
	nftTools    = "iptables-nft iptables-nft-save iptables-nft-restore "
	legacyTools = "iptables-legacy iptables-legacy-save iptables-legacy-restore "
	plainTools  = "iptables iptables-save iptables-restore "
)

func TestTheKindTheNodeUsesIsUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		programs, hint, rules, plain string
		broken, want                 string
	}{
		"the kubelet's mark":          {programs: nftTools + legacyTools + plainTools, hint: "legacy", rules: "nft", plain: "nft", want: "legacy"},
		"the kubelet's mark in nft":   {programs: nftTools + legacyTools + plainTools, hint: "nft", rules: "legacy", plain: "legacy", want: "nft"},
		"marks in both":               {programs: nftTools + legacyTools + plainTools, hint: "nft legacy", rules: "legacy", plain: "nft", want: "legacy"},
		"more rules":                  {programs: nftTools + legacyTools + plainTools, rules: "legacy", plain: "nft", want: "legacy"},
		"nothing yet":                 {programs: nftTools + legacyTools + plainTools, plain: "legacy", want: "legacy"},
		"nothing yet, no plain":       {programs: nftTools + legacyTools, plain: "legacy", want: "nft"},
		"one kind, under its name":    {programs: legacyTools, plain: "nft", want: "legacy"},
		"plain alone":                 {programs: plainTools, plain: "legacy", want: "legacy"},
		"half a kind does not count":  {programs: "iptables-nft " + plainTools, plain: "legacy", want: "legacy"},
		"a kernel without the legacy": {programs: nftTools + legacyTools + plainTools, broken: "iptables-legacy-save", rules: "nft", plain: "legacy", want: "nft"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, c.programs)
			n.kernel.plain = c.plain
			for _, kind := range strings.Fields(c.hint) {
				n.kernel.kinds[kind]["mangle"]["KUBE-KUBELET-CANARY"] = []string{}
			}
			if c.rules != "" {
				n.kernel.kinds[c.rules]["filter"]["INPUT"] = []string{"-j ACCEPT"}
			}
			if c.broken != "" {
				n.kernel.fail[c.broken] = &redirect.Exit{Code: 3, Said: "can't initialize iptables table"}
			}
			n.ensured()
			n.stands(c.want, "nat", "PREROUTING", jump)
		})
	}
}

// Rules that this process may not look at may be there: to take the other kind would be a guess.
func TestAKindThatMayNotBeLookedAtIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	n := newNode(t, nftTools+legacyTools+plainTools)
	n.kernel.fail["iptables-legacy-save"] = &redirect.Exit{Code: 3, Said: "can't initialize iptables table `mangle': Permission denied (you must be root)"}
	r, err := redirect.New(n.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Ensure(t.Context()); !strings.Contains(fault.Explain(err), "NET_RAW") {
		t.Errorf("%v", fault.Explain(err))
	}
}

func TestANodeWithoutToolsIsRefused(t *testing.T) {
	t.Parallel()
	for _, programs := range []string{"", "iptables", nftTools} {
		n := newNode(t, programs)
		if programs == nftTools { // IPv6 has tools of its own
			n.config.Metadata, n.config.Target = netip.MustParseAddrPort("[fd00::254]:80"), netip.MustParseAddrPort("[fd00::1]:2579")
		}
		_, err := redirect.New(n.config)
		if fault.KindOf(err) != fault.Unsupported || len(fault.Remedies(err)) != 1 {
			t.Errorf("with %q: %v", programs, err)
		}
	}
}

func TestAddressesThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ metadata, target string }{
		{"169.254.169.254:0", "127.0.0.1:2579"}, {"0.0.0.0:80", "127.0.0.1:2579"}, {"169.254.169.254:80", "127.0.0.1:0"},
		{"169.254.169.254:80", "[fd00::1]:2579"}, {"[fd00::254]:80", "127.0.0.1:2579"}, {"[fd00::254]:80", "[::1]:2579"}, {"[fd00::254]:80", "[::]:2579"},
	} {
		n := newNode(t, every)
		n.config.Metadata, n.config.Target = netip.MustParseAddrPort(c.metadata), netip.MustParseAddrPort(c.target)
		if _, err := redirect.New(n.config); fault.KindOf(err) != fault.Invalid || len(fault.Remedies(err)) != 1 {
			t.Errorf("%v: %v", c, err)
		}
	}
	n := newNode(t, every)
	n.config.Metadata, n.config.Target = netip.AddrPort{}, netip.AddrPort{}
	if _, err := redirect.New(n.config); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no addresses: %v", err)
	}
}

func TestOtherAddresses(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"0.0.0.0:2579", "[::ffff:127.0.0.1]:2579"} {
		n := newNode(t, plainTools)
		n.config.Target = netip.MustParseAddrPort(target)
		n.ensured()
		n.stands("nft", "nat", "aad-metadata", dnat, "-j RETURN")
	}

	n := newNode(t, plainTools)
	n.config.Target = netip.MustParseAddrPort("10.0.0.4:2580")
	n.ensured()
	n.stands("nft", "nat", "aad-metadata", strings.Replace(dnat, "127.0.0.1:2579", "10.0.0.4:2580", 1), "-j RETURN")
	n.stands("nft", "mangle", "PREROUTING")
	if n.localnet() != "0" {
		t.Error("route_localnet is set though nothing is led to a loopback address")
	}

	n = newNode(t, "ip6tables ip6tables-save ip6tables-restore")
	n.config.Metadata, n.config.Target = netip.MustParseAddrPort("[fd00::254]:80"), netip.MustParseAddrPort("[fd00::1]:2579")
	n.ensured()
	n.stands("nft", "nat", "aad-metadata", "! -s ::1/128 -d fd00::254/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::1]:2579", "-j RETURN")
	if runs := strings.Join(n.kernel.runs, "\n"); !strings.HasPrefix(runs, "ip6tables ") || strings.Contains(runs, "\niptables") {
		t.Errorf("ran %q", n.kernel.runs)
	}
}

func TestRunRepairsAndKeepsTheRules(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	n.kernel.fail["iptables-nft"] = &redirect.Exit{Code: 4, Said: "Another app is currently holding the xtables lock"}
	n.kernel.kinds["nft"]["mangle"]["KUBE-IPTABLES-HINT"] = []string{}
	r := n.redirect()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()

	// Failures are told once, and tried again soon, then less soon.
	for _, wait := range []time.Duration{time.Second, 2 * time.Second} {
		n.clock.BlockUntil(1)
		if r.Standing() {
			t.Error("it stands with a tool that fails")
		}
		n.clock.Advance(wait)
	}
	n.clock.BlockUntil(1)
	n.change(func() { delete(n.kernel.fail, "iptables-nft") })
	n.clock.Advance(4 * time.Second)
	n.clock.BlockUntil(1)
	if !r.Standing() || strings.Count(n.log.String(), "may not reach NMI") != 1 || !strings.Contains(n.log.String(), "kind=busy") {
		t.Errorf("standing %t: %s", r.Standing(), n.log)
	}

	// Somebody flushes the table; connections made meanwhile are judged anew.
	n.change(func() {
		n.kernel.kinds["nft"]["nat"]["PREROUTING"] = []string{}
		n.kernel.flows = 1
	})
	n.clock.Advance(time.Minute)
	n.clock.BlockUntil(1)
	n.change(func() {
		n.stands("nft", "nat", "PREROUTING", jump)
		if n.kernel.flows != 0 || !strings.Contains(n.log.String(), "are repaired") {
			t.Errorf("%d flows: %s", n.kernel.flows, n.log)
		}
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	n.stands("nft", "nat", "PREROUTING", jump)
	n.stands("nft", "nat", "aad-metadata", dnat, "-j RETURN")
}

// change touches the kernel between two looks.
func (n *node) change(f func()) {
	n.kernel.mu.Lock()
	defer n.kernel.mu.Unlock()
	f()
}

func TestConnectionsFromBefore(t *testing.T) {
	t.Parallel()
	without := newNode(t, plainTools)
	without.ensured()
	if strings.Count(without.log.String(), "no program conntrack") != 1 {
		t.Errorf("without the tool: %s", without.log)
	}

	off := newNode(t, every)
	off.config.Conntrack = false
	off.ensured()
	if strings.Contains(strings.Join(off.kernel.runs, "\n"), "conntrack") {
		t.Errorf("switched off, it ran %q", off.kernel.runs)
	}

	// A failure leaves the rules standing and is made up for at the next look.
	failing := newNode(t, every)
	failing.kernel.flows = 1
	failing.kernel.fail["conntrack"] = errors.New("no such device")
	r := failing.ensured()
	failing.kernel.fail = nil
	if err := r.Ensure(t.Context()); err != nil || failing.kernel.flows != 0 || !r.Standing() {
		t.Errorf("%v, %d flows, standing %t", err, failing.kernel.flows, r.Standing())
	}
	last := failing.kernel.runs[len(failing.kernel.runs)-1]
	if last != "conntrack -D -f ipv4 -p tcp --orig-dst 169.254.169.254 --orig-port-dst 80 --reply-src 169.254.169.254" {
		t.Errorf("ran %q", last)
	}
}
