//go:build e2e && linux

package redirect_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"strongroom/internal/podid/nmi/redirect"
)

func TestRedirectLeadsPodsAndNobodyElse(t *testing.T) {
	each(t, func(w *world) {
		w.podGets(metadataURL, "azure to 10.88.0.2")
		before := w.saved()
		r := w.redirect(config())
		began := time.Now()
		w.ensure(r)
		first := time.Since(began)
		w.ensure(r)
		t.Logf("the rules stood after %s; the next look took %s", first.Round(time.Millisecond), (time.Since(began) - first).Round(time.Millisecond))
		w.podGets(metadataURL, "nmi to 10.88.0.2")
		w.podGets("http://169.254.169.254:8080/", "other port to 10.88.0.2")
		w.podGets("http://10.88.0.1/", "other address to 10.88.0.2")
		w.gets("the node", metadataURL, "azure to 169.254.169.254")

		// What the original compares, line by line.
		const want = "-N aad-metadata\n" +
			"-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:2579\n" +
			"-A aad-metadata -j RETURN\n"
		if have := w.iptables("-t nat -S aad-metadata"); have != want {
			t.Errorf("the chain is listed as\n%s", have)
		}

		// The node's loopback address takes nothing else from outside; without the guard it would.
		w.podGets(privateURL, "")
		w.iptables("-t mangle -F PREROUTING")
		w.podGets(privateURL, "private to 10.88.0.2")
		w.ensure(r)
		w.podGets(privateURL, "")

		for range 2 {
			if err := r.Remove(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if after := w.saved(); after != before {
			t.Errorf("after Remove:\n%s\nbefore:\n%s", after, before)
		}
		w.podGets(metadataURL, "azure to 10.88.0.2")
	})
}

// kubeProxy is the outline of what kube-proxy and the kubelet make.
const kubeProxy = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-X - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-X
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.88.0.2:8000
-A KUBE-SVC-X -p tcp -m tcp -j DNAT --to-destination 10.88.0.1:80
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
COMMIT
`

func TestRedirectStandsBesideKubeProxy(t *testing.T) {
	each(t, func(w *world) {
		restore := exec.Command(w.tool()+"-restore", "--noflush")
		restore.Stdin = strings.NewReader(kubeProxy)
		if out, err := restore.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		before := w.saved()
		r := w.redirect(config())
		w.ensure(r)
		w.podGets(metadataURL, "nmi to 10.88.0.2")
		w.podGets("http://10.96.0.10/", "other address to 10.88.0.2")
		w.podGets(privateURL, "")
		// A node port on localhost, which needs the same setting, passes the guard.
		w.asPod(func() { w.serve("10.88.0.2:8000", "pod") })
		w.gets("the node", "http://127.0.0.1:30080/", "pod to 10.88.0.1")
		if err := r.Remove(context.Background()); err != nil {
			t.Fatal(err)
		}
		if after := w.saved(); after != before {
			t.Errorf("after Remove:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// A pod asks without a pause while what stands is damaged in ways that let nobody past, and repaired: no request may reach
// the metadata service itself at any moment of a repair.
func TestRedirectIsRepairedWithoutAGap(t *testing.T) {
	damages := []string{
		"-t nat -D aad-metadata 2",
		"-t nat -A aad-metadata -p udp -j ACCEPT",
		"-t nat -A PREROUTING -j aad-metadata",
		"-t nat -I PREROUTING 1 -p udp -j ACCEPT",
		"-t mangle -F PREROUTING",
	}
	each(t, func(w *world) {
		r := w.redirect(config())
		w.ensure(r)
		var stop atomic.Bool
		var asked int
		prober := make(chan struct{})
		go func() {
			defer close(prober)
			w.asPod(func() {
				for ; !stop.Load(); asked++ {
					if answer, err := ask(metadataURL); answer != "nmi to 10.88.0.2" {
						t.Errorf("request %d got %q (%v)", asked, answer, err)
						return
					}
				}
			})
		}()
		repairs, began := 0, time.Now()
		for ; repairs < 50 && !t.Failed(); repairs++ {
			w.iptables(damages[repairs%len(damages)])
			w.ensure(r)
		}
		stop.Store(true)
		<-prober
		t.Logf("%d repairs in %s, %d requests, all of them led to NMI", repairs, time.Since(began).Round(time.Millisecond), asked)

		// What was deleted by hand stands again.
		w.iptables("-t nat -D PREROUTING -j aad-metadata")
		w.iptables("-t nat -F aad-metadata")
		w.podGets(metadataURL, "azure to 10.88.0.2")
		w.ensure(r)
		w.podGets(metadataURL, "nmi to 10.88.0.2")
	})
}

// A connection that was open before the rules is not a way past them.
func TestRedirectRulesOpenConnectionsToo(t *testing.T) {
	each(t, func(w *world) {
		var conn net.Conn
		w.asPod(func() {
			var err error
			if conn, err = net.Dial("tcp", "169.254.169.254:80"); err != nil {
				t.Error(err)
				return
			}
			if answer, err := request(conn, metadataURL); answer != "azure to 10.88.0.2" {
				t.Errorf("%q, %v", answer, err)
			}
		})
		if t.Failed() {
			return
		}
		defer func() { _ = conn.Close() }()
		w.ensure(w.redirect(config()))
		if answer, err := request(conn, metadataURL); err == nil {
			t.Errorf("the open connection still got %q", answer)
		}
		w.podGets(metadataURL, "nmi to 10.88.0.2")
	})
}

// runVariable makes of this program an NMI that keeps the rules and does nothing else.
const runVariable = "STRONGROOM_REDIRECT_RUN"

func runAlone() int {
	r, err := redirect.New(config())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := r.Ensure(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("stands")
	_ = r.Run(context.Background())
	return 0
}

func TestRedirectOutlivesAKill(t *testing.T) {
	each(t, func(w *world) {
		child := exec.Command("/proc/self/exe")
		child.Env = append(os.Environ(), runVariable+"=1")
		child.Stderr = os.Stderr
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "stands\n" {
			t.Fatalf("%q, %v", line, err)
		}
		w.podGets(metadataURL, "nmi to 10.88.0.2")
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		_ = w.nmi.Close()
		w.asPod(func() {
			if answer, err := ask(metadataURL); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("with NMI dead the pod got %q, %v", answer, err)
			}
		})
	})
}

func TestRedirectOfIPv6(t *testing.T) {
	each(t, func(w *world) {
		w.node("ip6tables-" + w.kind + " -t mangle -N KUBE-KUBELET-CANARY")
		w.serve("[fd88::1]:2579", "nmi")
		c := config()
		c.Metadata, c.Target = netip.MustParseAddrPort("[fd00::254]:80"), netip.MustParseAddrPort("[fd88::1]:2579")
		r := w.redirect(c)
		w.ensure(r)
		w.ensure(r)
		w.podGets("http://[fd00::254]:80/", "nmi to fd88::2")
		if err := r.Remove(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.podGets("http://[fd00::254]:80/", "")
	})
}
