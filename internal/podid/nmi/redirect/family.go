package redirect

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"strongroom/internal/fault"
)

// chain is the original's; tools of others look for it.
const chain = "aad-metadata"

// jump is the one rule in PREROUTING.
const jump = "-j " + chain

// family is what depends on whether the addresses are of IPv4 or IPv6. Pure.
type family struct {
	program  string   // iptables or ip6tables
	metadata string   // the address alone
	port     string   // of the metadata address
	rules    []string // of our chain, as the tools list them
	localnet bool     // the target is a loopback address, which the kernel refuses for packets from outside unless told
	six      bool
}

// familyOf judges the addresses, and replaces a target that stands for every address as the original does.
func familyOf(config *Config) (family, error) {
	metadata, target := unmapped(config.Metadata), unmapped(config.Target)
	if !metadata.IsValid() || metadata.Port() == 0 || metadata.Addr().IsUnspecified() {
		return family{}, fault.New(fault.Invalid, "metadata address", "%s is no address and port", metadata).
			Mend("set it to 169.254.169.254:80, where Azure has it")
	}
	if target.IsValid() && target.Addr() == netip.IPv4Unspecified() {
		target = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), target.Port())
	}
	config.Metadata, config.Target = metadata, target
	switch {
	case !target.IsValid() || target.Port() == 0 || target.Addr().IsUnspecified():
		return family{}, fault.New(fault.Invalid, "NMI's address", "%s is no address and port that pods can be led to", target).
			Mend("let NMI listen on 127.0.0.1, or on an address of the node")
	case target.Addr().Is4() != metadata.Addr().Is4():
		return family{}, fault.New(fault.Invalid, "NMI's address", "%s and the metadata address %s are of different families", target, metadata).
			Mend("let NMI listen on an address of the metadata address's family")
	case !target.Addr().Is4() && target.Addr().IsLoopback():
		return family{}, fault.New(fault.Invalid, "NMI's address", "the kernel takes no packets from outside for %s", target.Addr()).
			Mend("let NMI listen on an IPv6 address of the node")
	}
	f := family{program: "iptables", metadata: metadata.Addr().String(), port: strconv.Itoa(int(metadata.Port())), localnet: target.Addr().IsLoopback()}
	loopback, bits := "127.0.0.1", "/32"
	if metadata.Addr().Is6() {
		f.program, f.six = "ip6tables", true
		loopback, bits = "::1", "/128"
	}
	f.rules = []string{
		"! -s " + loopback + bits + " -d " + f.metadata + bits + " -p tcp -m tcp --dport " + f.port + " -j DNAT --to-destination " + target.String(),
		"-j RETURN",
	}
	return f, nil
}

// unmapped is an IPv4 address that was spelled as one of IPv6, as itself.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// natRules is what stands in the table nat, of what concerns us.
type natRules struct {
	prerouting []string // every rule, as listed
	chain      []string // our chain's; nil when it does not exist
}

// planRules is the input for the restoring tool that makes of what stands what should; empty when it does. Our chain is
// declared anew with its rules, and the jump put first, all in one commit: a packet meets the old state or the new.
func (f family) planRules(have natRules) string {
	jumps := targets(have.prerouting)
	placed := len(jumps) == 1 && have.prerouting[0] == jump
	filled := slices.Equal(have.chain, f.rules)
	if placed && filled {
		return ""
	}
	var lines []string
	if !filled {
		lines = append(lines, ":"+chain+" - [0:0]")
		for _, rule := range f.rules {
			lines = append(lines, "-A "+chain+" "+rule)
		}
	}
	if !placed {
		for _, rule := range jumps {
			lines = append(lines, "-D PREROUTING "+rule)
		}
		lines = append(lines, "-I PREROUTING 1 "+jump)
	}
	return commit("nat", lines)
}

// planRemoval is the input that takes our chain and every jump to it away; empty when there is nothing of ours.
func planRemoval(have natRules) string {
	var lines []string
	for _, rule := range targets(have.prerouting) {
		lines = append(lines, "-D PREROUTING "+rule)
	}
	if have.chain != nil {
		lines = append(lines, "-F "+chain, "-X "+chain)
	}
	return commit("nat", lines)
}

// targets are the rules that lead to our chain, whatever they match before.
func targets(rules []string) []string {
	var ours []string
	for _, rule := range rules {
		if rule == jump || strings.HasSuffix(rule, " "+jump) {
			ours = append(ours, rule)
		}
	}
	return ours
}

// commit is one change of a table; no change is no input.
func commit(table string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "*" + table + "\n" + strings.Join(lines, "\n") + "\nCOMMIT\n"
}
