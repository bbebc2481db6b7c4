//go:build e2e && linux

package redirect_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"strongroom/internal/clock"
	"strongroom/internal/podid/nmi/redirect"
)

// world is a node in a network of its own, with a pod behind a pair of interfaces. The metadata service itself ("azure"),
// NMI ("nmi") and a service of the node that nobody else is to reach ("private") answer with their names.
type world struct {
	t    *testing.T
	kind string // of rules
	pod  int    // a process in the pod's network
	nmi  net.Listener
}

const (
	metadataURL = "http://169.254.169.254/metadata"
	privateURL  = "http://127.0.0.1:9000/"
)

// TestMain refuses to run anywhere but in namespaces made for it: nothing here may touch the machine's own rules, or send
// anything to the machine's metadata service.
func TestMain(m *testing.M) {
	if why := notFresh(); why != "" {
		fmt.Fprintln(os.Stderr, "these tests change a network's rules and refuse to run here:", why, "- use make redirect")
		os.Exit(1)
	}
	if os.Getenv(runVariable) != "" {
		os.Exit(runAlone())
	}
	goleak.VerifyTestMain(m)
}

// machineVariable names the machine's own namespaces, of network and mounts, as "make redirect" saw them before it made
// others: a process may not look at those of process 1 everywhere.
const machineVariable = "STRONGROOM_REDIRECT_MACHINE"

// notFresh says what tells that this is not a network and a tree of mounts made for the tests.
func notFresh() string {
	machine := strings.Fields(os.Getenv(machineVariable))
	if len(machine) != 2 {
		return machineVariable + " does not name the machine's namespaces"
	}
	for i, space := range []string{"net", "mnt"} {
		if here, err := os.Readlink("/proc/self/ns/" + space); err != nil || here == machine[i] {
			return fmt.Sprintf("%s is the machine's (%v)", here, err)
		}
	}
	if os.Getenv(runVariable) != "" {
		return "" // a child in the network of a test
	}
	links, err := net.Interfaces()
	if err != nil {
		return err.Error()
	}
	for _, link := range links {
		if link.Name != "lo" || link.Flags&net.FlagUp != 0 {
			return "the network has the interface " + link.Name + " in use"
		}
	}
	return ""
}

// each runs a test once per kind of rules, each time in a new network that this goroutine's thread alone is in.
func each(t *testing.T, test func(w *world)) {
	for _, kind := range []string{"nft", "legacy"} {
		t.Run(kind, func(t *testing.T) { test(newWorld(t, kind)) })
	}
}

func newWorld(t *testing.T, kind string) *world {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, kind: kind}
	w.startPod()
	for _, command := range []string{
		"ip link set lo up",
		"ip link add azure0 type bridge", "ip link set azure0 up", "ip addr add 169.254.169.254/32 dev azure0",
		"ip link add pod0 type veth peer name eth0", fmt.Sprint("ip link set eth0 netns ", w.pod),
		"ip addr add 10.88.0.1/24 dev pod0", "ip -6 addr add fd88::1/64 dev pod0 nodad", "ip link set pod0 up",
		"sysctl -q -w net.ipv4.ip_forward=1",
		w.tool() + " -t mangle -N KUBE-KUBELET-CANARY", // the kubelet's mark says which kind is in use
	} {
		w.node(command)
	}
	for _, command := range []string{
		"ip addr add 10.88.0.2/24 dev eth0", "ip -6 addr add fd88::2/64 dev eth0 nodad", "ip link set eth0 up",
		"ip route add default via 10.88.0.1", "ip -6 route add default via fd88::1",
		// The way of one who tries the node's loopback address from outside. A pod that has no loopback interface may.
		"sysctl -q -w net.ipv4.conf.all.route_localnet=1", "ip route add 127.0.0.0/8 via 10.88.0.1",
	} {
		w.node(fmt.Sprintf("nsenter -t %d -n %s", w.pod, command))
	}
	w.serve("169.254.169.254:80", "azure")
	w.serve("169.254.169.254:8080", "other port")
	w.serve("10.88.0.1:80", "other address")
	w.serve("127.0.0.1:9000", "private")
	w.nmi = w.serve("127.0.0.1:2579", "nmi")
	return w
}

func (w *world) tool() string { return "iptables-" + w.kind }

// startPod starts a process whose network the pod's is.
func (w *world) startPod() {
	w.t.Helper()
	pod := exec.Command("/bin/sleep", "1000")
	pod.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := pod.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.pod = pod.Process.Pid
	w.t.Cleanup(func() {
		_ = pod.Process.Kill()
		_ = pod.Wait()
	})
}

// node runs a command in the node's network.
func (w *world) node(command string) string {
	w.t.Helper()
	words := strings.Fields(command)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// iptables runs the tool of the kind in use.
func (w *world) iptables(args string) string { w.t.Helper(); return w.node(w.tool() + " " + args) }

// serve answers every request with a name and who asked.
func (w *world) serve(address, name string) net.Listener {
	w.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		from, _, _ := net.SplitHostPort(in.RemoteAddr)
		fmt.Fprintf(out, "%s to %s", name, from)
	})}
	go func() { _ = server.Serve(listener) }()
	w.t.Cleanup(func() { _ = server.Close() })
	return listener
}

// asPod runs something in the pod's network, on a thread of its own.
func (w *world) asPod(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", w.pod))
		if err == nil {
			err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			w.t.Error(err)
			return
		}
		defer func() { _ = space.Close() }()
		f()
	}()
	<-done
}

// ask makes one request on a connection of its own, from the network the thread is in.
func ask(url string) (string, error) {
	host := strings.TrimPrefix(url, "http://")
	host, _, _ = strings.Cut(host, "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += ":80"
	}
	conn, err := net.DialTimeout("tcp", host, 2*time.Second) // an address, dialled by this very thread
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return request(conn, url)
}

func request(conn net.Conn, url string) (string, error) {
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", url); err != nil {
		return "", err
	}
	buffer := make([]byte, 1000)
	n, err := conn.Read(buffer)
	if err != nil && err != io.EOF {
		return "", err
	}
	_, body, _ := strings.Cut(string(buffer[:n]), "\r\n\r\n")
	return body, nil
}

// podGets checks what the pod is answered.
func (w *world) podGets(url, want string) {
	w.t.Helper()
	w.asPod(func() { w.gets("the pod", url, want) })
}

// gets checks what the network this thread is in is answered; an answer of "" is none.
func (w *world) gets(who, url, want string) {
	w.t.Helper()
	if have, err := ask(url); have != want {
		w.t.Errorf("%s asked %s and got %q (%v), want %q", who, url, have, err, want)
	}
}

// saved is every rule of both kinds, without what a table that nobody uses looks like.
func (w *world) saved() string {
	w.t.Helper()
	var lines []string
	for _, tool := range []string{"iptables-nft-save", "iptables-legacy-save"} {
		for line := range strings.Lines(w.node(tool)) {
			if strings.HasPrefix(line, "-A ") || strings.HasPrefix(line, ":") && strings.Contains(line, " - ") {
				lines = append(lines, tool+" "+line)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// config is what the tests' redirections have in common.
func config() redirect.Config {
	return redirect.Config{
		Metadata: netip.MustParseAddrPort("169.254.169.254:80"), Target: netip.MustParseAddrPort("127.0.0.1:2579"),
		Conntrack: true, Clock: clock.Real{}, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
}

func (w *world) redirect(c redirect.Config) *redirect.Redirect {
	w.t.Helper()
	r, err := redirect.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) ensure(r *redirect.Redirect) {
	w.t.Helper()
	if err := r.Ensure(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}
