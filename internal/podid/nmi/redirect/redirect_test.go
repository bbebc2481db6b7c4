package redirect_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/podid/nmi/redirect"
)

const (
	dnat  = "! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:2579"
	jump  = "-j aad-metadata"
	ours  = "-d 127.0.0.0/8 ! -i lo -m comment --comment strongroom-set-route-localnet -j DROP"
	only  = "-d 127.0.0.0/8 ! -i lo -m comment --comment strongroom-guards-localhost -j DROP"
	kube  = "! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
	every = "iptables iptables-save iptables-restore iptables-nft iptables-nft-save iptables-nft-restore iptables-legacy iptables-legacy-save iptables-legacy-restore conntrack"
)

// node is a node's files and its kernel.
type node struct {
	t      *testing.T
	root   string
	kernel *kernel
	clock  *clock.Fake
	log    *lockedBuffer
	config redirect.Config
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newNode(t *testing.T, programs string) *node {
	t.Helper()
	n := &node{t: t, root: t.TempDir(), kernel: newKernel(), clock: clock.NewFake(), log: &lockedBuffer{}}
	n.file("proc/sys/net/ipv4/conf/all/route_localnet", "0\n")
	for _, name := range strings.Fields(programs) {
		n.file("usr/sbin/"+name, "")
	}
	n.config = redirect.Config{
		Metadata: netip.MustParseAddrPort("169.254.169.254:80"), Target: netip.MustParseAddrPort("127.0.0.1:2579"),
		HostRoot: n.root, Conntrack: true, Clock: n.clock, Exec: n.kernel.exec,
		Log: slog.New(slog.NewTextHandler(n.log, nil)),
	}
	return n
}

func (n *node) file(name, text string) {
	n.t.Helper()
	file := filepath.Join(n.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) redirect() *redirect.Redirect {
	n.t.Helper()
	r, err := redirect.New(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n *node) ensured() *redirect.Redirect {
	n.t.Helper()
	r := n.redirect()
	if err := r.Ensure(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n *node) localnet() string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.root, "proc/sys/net/ipv4/conf/all/route_localnet"))
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// stands compares a chain.
func (n *node) stands(kind, table, chain string, want ...string) {
	n.t.Helper()
	if have := n.kernel.kinds[kind][table][chain]; !slices.Equal(have, want) {
		n.t.Errorf("%s %s %s: %q, want %q", kind, table, chain, have, want)
	}
}

func TestTheFirstLookPutsEverythingInPlaceAndTheNextWritesNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	n.kernel.kinds["nft"]["nat"]["PREROUTING"] = []string{"-j KUBE-SERVICES"}
	n.kernel.flows = 3
	r := n.redirect()
	if r.Standing() || len(n.kernel.runs) > 0 {
		t.Errorf("before the first look: %t %q", r.Standing(), n.kernel.runs)
	}
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.stands("nft", "nat", "PREROUTING", jump, "-j KUBE-SERVICES")
	n.stands("nft", "nat", "aad-metadata", dnat, "-j RETURN")
	n.stands("nft", "mangle", "PREROUTING", ours)
	if !r.Standing() || n.localnet() != "1" || n.kernel.flows != 0 || n.kernel.commits != 2 {
		t.Errorf("standing %t, route_localnet %s, %d flows, %d commits", r.Standing(), n.localnet(), n.kernel.flows, n.kernel.commits)
	}
	n.kernel.runs = nil
	if err := r.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"iptables-nft -w 5 -t nat -S PREROUTING", "iptables-nft -w 5 -t nat -S aad-metadata", "iptables-nft -w 5 -t mangle -S PREROUTING"}
	if !slices.Equal(n.kernel.runs, want) {
		t.Errorf("the second look ran %q", n.kernel.runs)
	}
	if len(n.kernel.kinds["legacy"]["nat"]) != 4 {
		t.Error("the kind that is not in use was written")
	}
}

func TestWhatStandsWronglyIsRepairedInOneCommit(t *testing.T) {
	t.Parallel()
	for name, have := range map[string]struct{ prerouting, chain []string }{
		"no jump":                 {nil, []string{dnat, "-j RETURN"}},
		"jump behind another":     {[]string{"-j cali-PREROUTING", jump}, []string{dnat, "-j RETURN"}},
		"three jumps":             {[]string{jump, "-j KUBE-SERVICES", jump, jump}, []string{dnat, "-j RETURN"}},
		"a jump for some":         {[]string{"-i eth0 " + jump, jump}, []string{dnat, "-j RETURN"}},
		"empty chain":             {[]string{jump}, []string{}},
		"no return":               {[]string{jump}, []string{dnat}},
		"the original's old port": {[]string{jump}, []string{strings.Replace(dnat, "2579", "2580", 1), "-j RETURN"}},
		"a way past":              {[]string{jump}, []string{"-s 10.0.0.9/32 -j RETURN", dnat, "-j RETURN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, "iptables iptables-save iptables-restore")
			n.kernel.kinds["nft"]["nat"]["PREROUTING"] = have.prerouting
			n.kernel.kinds["nft"]["nat"]["aad-metadata"] = have.chain
			n.kernel.kinds["nft"]["mangle"]["PREROUTING"] = []string{ours}
			n.file("proc/sys/net/ipv4/conf/all/route_localnet", "1\n")
			n.ensured()
			after := n.kernel.kinds["nft"]["nat"]
			if after["PREROUTING"][0] != jump || strings.Count(strings.Join(after["PREROUTING"], "\n"), jump) != 1 {
				t.Errorf("PREROUTING is %q", after["PREROUTING"])
			}
			n.stands("nft", "nat", "aad-metadata", dnat, "-j RETURN")
			if n.kernel.commits != 1 {
				t.Errorf("%d commits", n.kernel.commits)
			}
		})
	}
}

func TestTheOriginalsRulesAreTakenOver(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	n.kernel.kinds["nft"]["nat"]["PREROUTING"] = []string{jump}
	n.kernel.kinds["nft"]["nat"]["aad-metadata"] = []string{dnat, "-j RETURN"}
	n.file("proc/sys/net/ipv4/conf/all/route_localnet", "1\n")
	r := n.ensured()
	// The setting is somebody else's: a guard is put up all the same, and remembers that it is not ours to take back.
	n.stands("nft", "mangle", "PREROUTING", only)
	if !strings.Contains(n.log.String(), "led to NMI already") || strings.Contains(strings.Join(n.kernel.runs, "\n"), "conntrack") {
		t.Errorf("%s\n%q", n.log, n.kernel.runs)
	}
	if err := r.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.stands("nft", "mangle", "PREROUTING")
	if n.localnet() != "1" {
		t.Error("a setting that was not ours was taken back")
	}
}

// Another program may change rules between our look and our change: then it is looked again.
func TestAChangeThatAnothersCameInBetweenOfIsTriedAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t, "iptables iptables-save iptables-restore")
	nat := n.kernel.kinds["nft"]["nat"]
	nat["PREROUTING"] = []string{"-j KUBE-SERVICES", jump}
	n.kernel.before = func(program string) {
		if program == "iptables-restore" {
			n.kernel.before = nil
			nat["PREROUTING"] = []string{"-j KUBE-SERVICES"} // ours is gone: deleting it fails
		}
	}
	n.ensured()
	n.stands("nft", "nat", "PREROUTING", jump, "-j KUBE-SERVICES")

	// One that puts itself first again each time does not keep us busy for ever.
	n.kernel.before = func(program string) {
		if program == "iptables" {
			rest := slices.DeleteFunc(slices.Clone(n.kernel.kinds["nft"]["nat"]["PREROUTING"]), func(rule string) bool { return rule == "-j mine" })
			n.kernel.kinds["nft"]["nat"]["PREROUTING"] = append([]string{"-j mine"}, rest...)
		}
	}
	r := n.redirect()
	err := r.Ensure(t.Context())
	if fault.KindOf(err) != fault.Internal || !strings.Contains(fault.Explain(err), "see who else changes them") || r.Standing() {
		t.Errorf("%v, standing %t", err, r.Standing())
	}
}

func TestRemoveTakesEverythingOfOursAway(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	for _, kind := range n.kernel.kinds {
		kind["nat"]["PREROUTING"] = []string{"-j KUBE-SERVICES"}
		kind["nat"]["KUBE-SERVICES"] = []string{"-j RETURN"}
		kind["mangle"]["KUBE-IPTABLES-HINT"] = []string{}
	}
	before := n.kernel.kinds["nft"].save("") + n.kernel.kinds["legacy"].save("")
	r := n.ensured()
	// An earlier NMI made its rules of the other kind.
	n.kernel.kinds["legacy"]["nat"]["PREROUTING"] = []string{jump, "-j KUBE-SERVICES", jump}
	n.kernel.kinds["legacy"]["nat"]["aad-metadata"] = []string{dnat, "-j RETURN"}
	for range 2 {
		if err := r.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := n.kernel.kinds["nft"].save("") + n.kernel.kinds["legacy"].save(""); after != before || r.Standing() || n.localnet() != "0" {
			t.Errorf("standing %t, route_localnet %s:\n%s", r.Standing(), n.localnet(), after)
		}
	}

	// Part of it, and by another process than the one that made it.
	n.kernel.kinds["nft"]["nat"]["aad-metadata"] = []string{dnat}
	n.kernel.kinds["nft"]["mangle"]["PREROUTING"] = []string{only, "-j other", ours}
	n.file("proc/sys/net/ipv4/conf/all/route_localnet", "1\n")
	if err := n.redirect().Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.stands("nft", "mangle", "PREROUTING", "-j other")
	if _, there := n.kernel.kinds["nft"]["nat"]["aad-metadata"]; there || n.localnet() != "0" {
		t.Error("part of it stayed")
	}
}

// Where Kubernetes has a guard, kube-proxy may have come to need what we set.
func TestASettingKubernetesMayNeedStays(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	n.kernel.kinds["nft"]["filter"]["KUBE-FIREWALL"] = []string{kube}
	r := n.ensured()
	if err := r.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.stands("nft", "mangle", "PREROUTING")
	if n.localnet() != "1" || !strings.Contains(n.log.String(), "route_localnet stays 1") {
		t.Errorf("route_localnet %s: %s", n.localnet(), n.log)
	}
}

func TestASettingThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	n := newNode(t, every)
	file := filepath.Join(n.root, "proc/sys/net/ipv4/conf/all/route_localnet")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r := n.redirect()
	err := r.Ensure(context.Background())
	if fault.KindOf(err) != fault.Unavailable || len(fault.Remedies(err)) == 0 || r.Standing() {
		t.Errorf("%v, standing %t", err, r.Standing())
	}
	// No pod reaches the metadata service all the same.
	n.stands("nft", "nat", "PREROUTING", jump)
}
