package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A pod as NMI's is, with its capabilities and mounts and no more, can lead what another pod sends to the metadata service
// to a server on the node's loopback address. The rule is for that pod alone, since others ask the service meanwhile.
func TestAPodMayRuleTheNodesNetwork(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	NoPodIdentity(t)
	IMDS(t)
	ns := Namespace(t)
	const localnet = "/host/proc/sys/net/ipv4/conf/all/route_localnet"
	Run(t, Pod(ns, "ruler", OnTheNode, Running("sh", "-c",
		"mkdir /tmp/www && echo ruled >/tmp/www/asked && httpd -p 127.0.0.1:2579 -h /tmp/www && "+Idle)))
	asker := Run(t, Pod(ns, "asker", Of(CurlImage)))
	ask := func() string {
		return Exec(t, ns, "asker", "curl", "--silent", "--max-time", "20", "--write-out", " %{http_code}", "--header", "Metadata: true", "http://169.254.169.254/asked")
	}
	if got := ask(); !strings.HasSuffix(got, " 404") { // Azure's metadata service knows no such path
		t.Errorf("before the rule: %q", got)
	}
	tool := func(action string) {
		Exec(t, ns, "ruler", "chroot", "/host", "/usr/sbin/iptables", "-w", "5", "-t", "nat", action, "PREROUTING", "-s", asker.Status.PodIP,
			"-d", "169.254.169.254", "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", "127.0.0.1:2579")
	}
	before := Exec(t, ns, "ruler", "cat", localnet)
	Exec(t, ns, "ruler", "sh", "-c", "echo 1 >"+localnet)
	tool("-I")
	if got := ask(); got != "ruled\n 200" {
		t.Errorf("by the rule: %q", got)
	}
	tool("-D")
	Exec(t, ns, "ruler", "sh", "-c", "echo "+strings.TrimSpace(before)+" >"+localnet)
	// What is mounted beneath the node's / is not: its /proc/sys is where the setting can be written.
	if got := Exec(t, ns, "ruler", "grep", " /host ", "/proc/mounts"); !strings.Contains(got, " ro,") {
		t.Errorf("the node's files can be written: %q", got)
	}
}

// OnTheNode puts a pod into the node's network, lets it see the node's files and run the node's tools, and no more.
func OnTheNode(p *corev1.PodTemplateSpec) {
	p.Spec.HostNetwork = true
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}})
	main := &p.Spec.Containers[0]
	main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: "host", MountPath: "/host", ReadOnly: true})
	Capable("SYS_CHROOT", "NET_ADMIN", "NET_RAW")(p)
}
