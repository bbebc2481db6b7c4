package redirect

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"strongroom/internal/fault"
)

// What is planned touches our chain, the rules that lead there and our guards alone, whatever a tool lists, and no line
// of a listing becomes two of a plan.
func FuzzListed(f *testing.F) {
	f.Add("-P PREROUTING ACCEPT\n-A PREROUTING -j aad-metadata\n-A PREROUTING -s 10.0.0.0/8 -j KUBE-SERVICES\n", "-N aad-metadata\n-A aad-metadata -j RETURN\n")
	f.Add("-A PREROUTING -m comment --comment \"x\\\" -j aad-metadata\"\r-A PREROUTING -F\n", "")
	f.Add("-A PREROUTING -d 127.0.0.0/8 ! -i lo -m comment --comment strongroom-guards-localhost -j DROP\n:KUBE-IPTABLES-HINT - [0:0]\n", "\x00")
	config := Config{Metadata: netip.MustParseAddrPort("169.254.169.254:80"), Target: netip.MustParseAddrPort("127.0.0.1:2579")}
	kind, err := familyOf(&config)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, prerouting, ours string) {
		have := natRules{prerouting: rulesIn(prerouting, "PREROUTING"), chain: rulesIn(ours, chain)}
		usageIn(prerouting)
		for _, plan := range []string{kind.planRules(have), planRemoval(have), planGuard(have.prerouting, guardOnly)} {
			if plan == "" {
				continue
			}
			lines := strings.Split(strings.TrimSuffix(plan, "\n"), "\n")
			for _, line := range lines[1 : len(lines)-1] {
				if !strings.Contains(line, chain) && !strings.Contains(line, "strongroom-") {
					t.Errorf("%q is not about what is ours", line)
				}
			}
			if strings.Count(plan, "COMMIT\n") < 1 || !strings.HasSuffix(plan, "COMMIT\n") || !strings.HasPrefix(plan, "*") {
				t.Errorf("%q", plan)
			}
		}
	})
}

// Any file in the folder is read to its end or refused by name, and only words of ours come out of it.
func FuzzNetwork(f *testing.F) {
	f.Add([]byte(`{"name":"kubenet","type":"bridge","bridge":"cbr0"}`))
	f.Add([]byte(`{"name":"x","plugins":[{"type":"flannel"}],"delegates":[{"delegates":[{"type":"bridge"}]}]}`))
	f.Add([]byte(`{"type":"multus","delegates":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		root := fstest.MapFS{cniDir + "/10-x.conflist": {Data: text}, "etc/default/kubelet": {Data: text}}
		why, err := sharedLinkLayer(root)
		if err != nil && (why != "" || fault.KindOf(err) != fault.Invalid || strings.Contains(fault.Explain(err), "\n")) {
			t.Errorf("%q, %v", why, err)
		}
		if len(why) > 200 || strings.ContainsAny(why, "\r\n") {
			t.Errorf("%q", why)
		}
		named, err := namesKubenet(root, "etc/default/kubelet")
		if err != nil || named != strings.Contains(string(text), kubenetFlag) {
			t.Error(named, err)
		}
	})
}
