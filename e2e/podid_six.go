package e2e

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/node"
)

// A metadata service of IPv6, and where NMI listens for those that are led away from it. Azure has none, but where the
// service is, and NMI listens, are settings, of either family.
const (
	metadataOfSix = "fd00:169:254::254"
	nmiOfSix      = "fd00:10:200::1"
)

// PodIdentityOfSix has a second NMI beside that of PodIdentity, for the metadata service of IPv6, which is the same one at
// another address. It gives the service as pods call it, and what ends NMI and has it take its rules away.
func PodIdentityOfSix(t testing.TB) (service string, end func()) {
	t.Helper()
	for _, address := range []string{metadataOfSix, nmiOfSix} {
		onLoopback(t, "add", address, "nodad") // or it could not be listened on for a moment
		t.Cleanup(func() { onLoopback(t, "del", address) })
	}
	lead(t, net.JoinHostPort(metadataOfSix, "80"), net.JoinHostPort(node.MetadataAddress, "80"))
	d, err := cluster.Client.AppsV1().DaemonSets(systemNamespace).Get(t.Context(), NMI, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := d.Spec.Template.Spec
	main := &spec.Containers[0]
	main.Args = slices.DeleteFunc(main.Args, func(a string) bool {
		return strings.HasPrefix(a, "--daemonset=") || strings.HasPrefix(a, "--http-probe-port=") || strings.HasPrefix(a, "--prometheus-port=")
	})
	main.Args = append(main.Args, "--metadata-ip="+metadataOfSix, "--nmi-listen-address="+nmiOfSix, "--http-probe-port=8086", "--prometheus-port=-1")
	main.Ports = []corev1.ContainerPort{{Name: "healthz", ContainerPort: 8086, HostPort: 8086}}
	runSystem(t, "nmi-of-six", spec)
	AwaitReady(t, systemNamespace, "nmi-of-six")
	return "http://[" + metadataOfSix + "]", func() {
		Remove(t, systemNamespace, "nmi-of-six")
		main.Args = append(main.Args, "--cleanup")
		main.Ports, main.LivenessProbe, main.ReadinessProbe = nil, nil, nil
		spec.RestartPolicy = corev1.RestartPolicyNever
		runSystem(t, "nmi-of-six-cleanup", spec)
		Await(t, Pods, systemNamespace, "nmi-of-six-cleanup", func(p *corev1.Pod) error {
			switch p.Status.Phase {
			case corev1.PodSucceeded:
				return nil
			case corev1.PodFailed:
				return Hopeless("it failed: %s", Logs(t, systemNamespace, p.Name))
			}
			return fmt.Errorf("it is %s", p.Status.Phase)
		})
	}
}

// runSystem makes a pod where our programs are, which is gone when the test ends.
func runSystem(t testing.TB, name string, spec corev1.PodSpec) {
	t.Helper()
	Create(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name}, Spec: spec})
	t.Cleanup(func() {
		ctx := Within(t, patience)
		_ = cluster.Client.CoreV1().Pods(systemNamespace).Delete(ctx, name, metav1.DeleteOptions{}) // it may be gone
		if err := awaitGone(ctx, Pods, systemNamespace, name); err != nil {
			t.Error(err)
		}
	})
}

// onLoopback gives the node an address, or takes it away.
func onLoopback(t testing.TB, action, address string, flags ...string) {
	t.Helper()
	command := append([]string{"-6", "address", action, address + "/128", "dev", "lo"}, flags...)
	if out, err := exec.Command("ip", command...).CombinedOutput(); err != nil {
		t.Errorf("%s of %s: %v: %s", action, address, err, out)
	}
}

// lead passes connections to one address on to another until the test ends.
func lead(t testing.TB, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			asked, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = asked.Close() }()
				answers, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(answers, asked); _ = answers.Close() }()
				_, _ = io.Copy(asked, answers)
			}()
		}
	}()
}
