package node

import (
	"fmt"
	"path/filepath"

	"strongroom/e2e/azure"
)

// files writes certificates and the configuration of every component.
func (n *Node) files() error {
	pki, err := newAuthority(filepath.Join(n.dir, "pki"))
	if err != nil {
		return err
	}
	if err := pki.issueAll(); err != nil {
		return err
	}
	for path, text := range map[string]string{
		n.auditPolicyFile():                          auditPolicy,
		filepath.Join(n.dir, "resolv.conf"):          "nameserver " + AzureAddress + "\n",
		filepath.Join(n.dir, "containerd.toml"):      n.containerdConfig(),
		filepath.Join(n.dir, "kubelet.yaml"):         n.kubeletConfig(),
		filepath.Join(n.dir, "cni", "e2e.conflist"):  bridged,
		filepath.Join(n.routedDir(), "e2e.conflist"): routed,
		filepath.Join(n.Scratch(), "README"):         "Removed with the run.\n",
	} {
		if err := write(path, text); err != nil {
			return err
		}
	}
	return nil
}

// bridged gives every pod an address of the node's bridge and a way to the node.
const bridged = `{"cniVersion": "0.4.0", "name": "e2e", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
    "ranges": [[{"subnet": "10.244.0.0/22"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
`

// Routed is the runtime handler of pods that share no link with others: each has an interface of its own on the node, a
// route there for each of its addresses, and one address of either family. The kubelet tells both, whatever the
// cluster's services have.
const Routed = "routed"

const routed = `{"cniVersion": "0.4.0", "name": "routed", "plugins": [{
  "type": "ptp",
  "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
    "ranges": [[{"subnet": "10.244.4.0/24"}], [{"subnet": "fd00:10:244::/64"}]], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}]}
`

func (n *Node) routedDir() string { return filepath.Join(n.dir, "cni-routed") }

// containerdConfig. Scores of the out-of-memory killer are left as they are, since lowering one needs a capability that
// even root may lack, and then no sandbox starts.
func (n *Node) containerdConfig() string {
	return fmt.Sprintf(`version = 2
root = %[1]q
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
  address = %[2]q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:e2e"
  disable_apparmor = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%[3]s]
      runtime_type = "io.containerd.runc.v2"
      cni_conf_dir = %[4]q
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.%[3]s.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %[5]q
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["http://%[6]s"]
`, filepath.Join(n.dir, "containerd"), containerdSocket, Routed, n.routedDir(), filepath.Join(n.dir, "cni"), registryAddress)
}

// kubeletConfig. Images are never collected, because there is no registry to fetch them from again. syncFrequency rules
// how often the kubelet publishes volumes anew: at 10 s every 11 to 15 s. A container that crashed again and again is
// started after 1 s each time, since scenarios that crash one would otherwise wait for minutes.
func (n *Node) kubeletConfig() string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
providerID: %[6]s
containerRuntimeEndpoint: unix://%[4]s
tlsCertFile: %[1]s/pki/kubelet-server.crt
tlsPrivateKeyFile: %[1]s/pki/kubelet-server.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %[1]s/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /%[2]s
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
protectKernelDefaults: true
volumePluginDir: %[7]s
resolvConf: %[1]s/resolv.conf
clusterDNS: [%[5]s]
clusterDomain: cluster.local
maxPods: 250
kubeAPIQPS: 100
kubeAPIBurst: 200
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {imagefs.available: "0%%", nodefs.available: "0%%", nodefs.inodesFree: "0%%", memory.available: 50Mi}
configMapAndSecretChangeDetectionStrategy: Watch
featureGates: {KubeletCrashLoopBackOffMax: true}
crashLoopBackOff: {maxContainerRestartPeriod: 1s}
syncFrequency: %[3]s
`, n.dir, filepath.Base(n.dir), variable("STRONGROOM_E2E_SYNC", "10s"), containerdSocket, AzureAddress, azure.ProviderID, VolumePlugins)
}
