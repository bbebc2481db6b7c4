package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// NMI knows a pod by where its answers go. On a network that gives each pod an interface and routes of its own, no pod is
// answered at another's address, of either family, whatever it may do to its own network: its packets come through, and
// the answers go to whom the address belongs. A pod of two addresses is the same pod by both.
func TestAPodIsKnownByTheAddressItIsAnsweredAt(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	routed := Routed(t)
	id := Azure().Managed(t)
	Bind(t, ns, id, ns)
	Create(t, Pod(ns, "web", Of(CurlImage), Labelled(BoundBy, ns), routed))
	Create(t, Pod(ns, "claimant", Of(CurlImage), routed, Capable("NET_ADMIN", "NET_RAW")))
	six, end := PodIdentityOfSix(t)
	web := AwaitReady(t, ns, "web")
	AwaitReady(t, ns, "claimant")
	four, second := bothAddresses(t, web)
	AwaitToken(t, ns, "web", "", id.ObjectID)
	wantRulesOfSix(t, "-N aad-metadata",
		"-A aad-metadata ! -s ::1/128 -d "+metadataOfSix+"/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination ["+nmiOfSix+"]:2579", "-A aad-metadata -j RETURN")
	for service, address := range map[string]string{metadataService: four, six: second} {
		own := func(pod string) reply {
			return Curl(t, ns, pod, service+tokenPath+"&bypass_cache=true", "--globoff", "--header", "Metadata: true")
		}
		answered := func() {
			t.Helper()
			Eventually(t, "a token by "+address, func() error {
				got, err := tokenOf(own("web"))
				if err == nil && got.ObjectID != id.ObjectID {
					t.Fatalf("by %s: %+v", address, got)
				}
				return err
			})
		}
		answered()
		Eventually(t, "a refusal at "+service, func() error {
			got := own("claimant")
			switch {
			case got.status == http.StatusOK:
				t.Fatalf("a pod without the label, at %s: %s", service, got)
			case got.status != http.StatusNotFound || !strings.Contains(got.body, "the pod has no label"):
				return errors.New(got.String())
			}
			return nil
		})
		came := counting(t, address)
		Eventually(t, "a claim of "+address, func() error {
			got := claimAddress(t, ns, "claimant", address, service)
			switch {
			case got.status != 0:
				t.Fatalf("at %s the claimant is answered: %s", address, got)
			case came(t) == 0: // an address of IPv6 is not used at once
				return fmt.Errorf("nothing came from it: %s", got)
			case !strings.Contains(got.body, "curl: (28)"):
				return fmt.Errorf("it was not waited for an answer: %s", got)
			}
			return nil
		})
		answered() // though another pod claims it
	}
	end()
	wantRulesOfSix(t)
}

// On a bridge, which NMI refuses where it finds it, it is the neighbours' word that says where answers go. A pod without
// NET_RAW and NET_ADMIN cannot give it: it neither takes an address nor sends from one, nor speaks for one. A pod that has
// them gets what is another's.
func TestOnABridgeAPodWithoutCapabilitiesClaimsNoAddress(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	id := Azure().Managed(t)
	Bind(t, ns, id, ns)
	Create(t, Pod(ns, "ordinary", Of(CurlImage), Capable()))
	Create(t, Pod(ns, "capable", Of(CurlImage), Capable("NET_ADMIN", "NET_RAW")))
	victim := Run(t, Pod(ns, "victim", Of(CurlImage), Labelled(BoundBy, ns)))
	AwaitReady(t, ns, "ordinary")
	AwaitReady(t, ns, "capable")
	AwaitToken(t, ns, "victim", "", id.ObjectID)

	address := victim.Status.PodIP
	for _, command := range []string{
		"ip address add " + address + "/32 dev eth0", "ip link set dev eth0 address 02:00:00:00:00:01", "ip link set dev eth0 down",
		"arping -U -c 1 -I eth0 " + address,
	} {
		if out, err := TryExec(t, ns, "ordinary", strings.Fields(command)...); err == nil || !strings.Contains(strings.ToLower(err.Error()), "operation not permitted") {
			t.Errorf("%s: %q, %v", command, out, err)
		}
	}
	if got := claimAddress(t, ns, "ordinary", address, metadataService); got.status != 0 || !strings.Contains(got.body, "curl: (45)") {
		t.Errorf("from an address that it does not have: %s", got)
	}
	AwaitRefusal(t, ns, "ordinary", "", http.StatusNotFound, "the pod has no label")
	// Without this nobody would know that a claim is one.
	Eventually(t, "the token of another pod on the bridge", func() error {
		got, err := tokenOf(claimAddress(t, ns, "capable", address, metadataService))
		if err == nil && got.ObjectID != id.ObjectID {
			err = fmt.Errorf("it is of %s", got.ObjectID)
		}
		return err
	})
}

// claimAddress has a pod take another's address, tell its link of it, and ask from it.
func claimAddress(t *testing.T, ns, pod, address, service string) reply {
	t.Helper()
	bits := "/32"
	if strings.Contains(address, ":") {
		bits = "/128"
	}
	_, _ = TryExec(t, ns, pod, "ip", "address", "add", address+bits, "dev", "eth0") // it may have it, or not be allowed to
	_, _ = TryExec(t, ns, pod, "arping", "-U", "-c", "1", "-I", "eth0", address)    // IPv6 has no such thing
	return Curl(t, ns, pod, service+tokenPath, "--globoff", "--header", "Metadata: true", "--interface", address, "--connect-timeout", "3")
}

// counting counts the connections that are tried from an address to a metadata service, from now on.
func counting(t *testing.T, from string) (came func(*testing.T) int) {
	t.Helper()
	program, to := "iptables", "169.254.169.254/32"
	if strings.Contains(from, ":") {
		program, to = "ip6tables", metadataOfSix+"/128"
	}
	run := func(t *testing.T, arguments ...string) string {
		t.Helper()
		out, err := exec.Command(program, append([]string{"-w", "10", "-t", "raw"}, arguments...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v: %s", arguments, err, out)
		}
		return string(out)
	}
	rule := []string{"PREROUTING", "-s", from, "-d", to, "-p", "tcp", "--syn", "-m", "comment", "--comment", "e2e-" + t.Name()}
	run(t, append([]string{"-A"}, rule...)...)
	t.Cleanup(func() { run(t, append([]string{"-D"}, rule...)...) })
	return func(t *testing.T) int {
		t.Helper()
		for line := range strings.Lines(run(t, "-n", "-v", "-x", "-L", "PREROUTING")) {
			if fields := strings.Fields(line); slices.Contains(fields, "e2e-"+t.Name()) && slices.Contains(fields, from) {
				n, err := strconv.Atoi(fields[0])
				if err != nil {
					t.Fatal(line)
				}
				return n
			}
		}
		t.Fatal(errors.New("the rule that counts is gone"))
		return 0
	}
}

// bothAddresses are a pod's, of IPv4 and of IPv6.
func bothAddresses(t *testing.T, p *corev1.Pod) (four, six string) {
	t.Helper()
	if len(p.Status.PodIPs) != 2 || !strings.Contains(p.Status.PodIPs[1].IP, ":") {
		t.Fatalf("the pod has %v", p.Status.PodIPs)
	}
	return p.Status.PodIPs[0].IP, p.Status.PodIPs[1].IP
}

// wantRulesOfSix compares what of the node's rules for IPv6 leads to NMI; nothing is neither jump nor chain.
func wantRulesOfSix(t *testing.T, want ...string) {
	t.Helper()
	jumps, chain := podIdentityRulesOf(t, "ip6tables")
	if !slices.Equal(chain, want) || len(jumps) != min(1, len(want)) {
		t.Errorf("jumps %q, chain %q", jumps, chain)
	}
}
