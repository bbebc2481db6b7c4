package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"strongroom/e2e/azure"
)

const containerdSocket = "/run/containerd/containerd.sock"

func (n *Node) pki(file string) string { return filepath.Join(n.dir, "pki", file) }

// kube starts a component of Kubernetes.
func (n *Node) kube(name string, args ...string) error {
	_, err := n.start(name, n.Kube(), append([]string{name}, args...)...)
	return err
}

// ground is what stands on nothing else: the container runtime and the store.
func (n *Node) ground() error {
	if _, err := n.start("containerd", "containerd", "--config", filepath.Join(n.dir, "containerd.toml")); err != nil {
		return err
	}
	return n.kube("etcd", "--data-dir="+filepath.Join(n.dir, "etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380")
}

// images puts everything that was prepared into the container runtime, while the API server starts.
func (n *Node) images() error {
	if err := n.startServer(); err != nil {
		return err
	}
	err := n.until("containerd", func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", containerdSocket)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return err
	}
	archives, err := filepath.Glob(n.Asset("images/*.tar"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		if err := n.Import(archive); err != nil {
			return err
		}
	}
	return nil
}

// Import puts the images of an archive into the container runtime.
func (n *Node) Import(archive string) error {
	out, err := exec.CommandContext(n.context, "ctr", "--address", containerdSocket, "--namespace", "k8s.io", "images", "import", archive).CombinedOutput()
	if err != nil {
		return fmt.Errorf("import of %s: %w: %s", archive, err, out)
	}
	return nil
}

// startServer starts the API server on its one address, so that port 443 of Azure's stays free.
func (n *Node) startServer() error {
	return n.kube("kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
		"--bind-address="+serverAddress, "--secure-port=443", "--advertise-address="+Address, "--service-cluster-ip-range=10.96.0.0/24",
		"--allow-privileged=true", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--client-ca-file="+n.pki("ca.crt"), "--tls-cert-file="+n.pki("apiserver.crt"), "--tls-private-key-file="+n.pki("apiserver.key"),
		"--kubelet-client-certificate="+n.pki("apiserver-kubelet.crt"), "--kubelet-client-key="+n.pki("apiserver-kubelet.key"),
		"--kubelet-certificate-authority="+n.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--audit-policy-file="+n.auditPolicyFile(), "--audit-log-path="+n.AuditLog(),
		"--service-account-issuer="+Issuer, "--service-account-key-file="+n.pki("accounts.pub"), "--service-account-signing-key-file="+n.pki("accounts.key"))
}

// server waits until the API server says that it is ready, and not only alive: without the roles it makes at its start,
// controllers and scheduler end without a word.
func (n *Node) server() error {
	n.Config = &rest.Config{Host: "https://" + serverAddress + ":443", QPS: 200, Burst: 400, WarningHandler: rest.NoWarnings{}, TLSClientConfig: rest.TLSClientConfig{
		CAFile: n.pki("ca.crt"), CertFile: n.pki("admin.crt"), KeyFile: n.pki("admin.key")}}
	var err error
	if n.Client, err = kubernetes.NewForConfig(n.Config); err != nil {
		return err
	}
	return n.until("kube-apiserver", func(ctx context.Context) error {
		answer, err := n.Client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil && string(answer) != "ok" {
			err = errors.New(string(answer))
		}
		return err
	})
}

// azure starts the emulator with the keys the API server publishes, so that it takes the tokens of real pods and no
// others.
func (n *Node) azure() error {
	keys, err := n.Client.RESTClient().Get().AbsPath("/openid/v1/jwks").DoRaw(n.context)
	if err != nil {
		return err
	}
	config := n.azureConfig()
	config.Issuer, config.Keys = Issuer, string(keys)
	if err := n.emulator(config); err != nil {
		return err
	}
	return errors.Join(n.serveFront(), n.serveNames())
}

func (n *Node) azureConfig() azure.Config {
	return azure.Config{Address: AzureAddress, Metadata: MetadataAddress, Node: Name, Shared: SharedDir, Dir: filepath.Join(n.dir, "azure")}
}

// emulator starts it, and returns when it answers.
func (n *Node) emulator(config azure.Config) error {
	args, err := config.Arguments()
	if err != nil {
		return err
	}
	if _, err := n.start("azure", n.Asset("strongroom"), args...); err != nil {
		return err
	}
	return n.until("the emulator", func(ctx context.Context) error {
		n.Azure, err = azure.Connect(ctx, config)
		return err
	})
}

// workers are everything that needs an API server. The controllers may ask often: at their usual pace the first service
// account takes eight seconds.
func (n *Node) workers() error {
	client := func(name string) []string {
		config := n.pki(name + ".kubeconfig")
		return []string{"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
			"--leader-elect=false", "--bind-address=127.0.0.1", "--cert-dir=" + filepath.Join(n.dir, name)}
	}
	return errors.Join(
		n.kube("kube-controller-manager", append(client("controllers"), "--service-account-private-key-file="+n.pki("accounts.key"),
			"--root-ca-file="+n.pki("ca.crt"), "--use-service-account-credentials=true", "--kube-api-qps=200", "--kube-api-burst=400")...),
		n.kube("kube-scheduler", client("scheduler")...),
		n.kube("kubelet", "--config="+filepath.Join(n.dir, "kubelet.yaml"), "--kubeconfig="+n.pki("kubelet.kubeconfig"),
			"--hostname-override="+Name, "--node-ip="+Address, "--cert-dir="+filepath.Join(n.dir, "kubelet-certificates")),
	)
}

// ready waits for the node and for what the controllers give every namespace, here the default one.
func (n *Node) ready() error {
	return n.until("the node", func(ctx context.Context) error {
		node, err := n.Client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				return errors.New(strings.ToLower(c.Message))
			}
		}
		if len(node.Status.Conditions) == 0 {
			return errors.New("it has no conditions yet")
		}
		_, account := n.Client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		_, root := n.Client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return errors.Join(account, root)
	})
}

// IMDS makes the metadata service reachable or not, for the node and every pod: without its address the kernel answers
// that there is no way there.
func (n *Node) IMDS(reachable bool) error {
	action := "del"
	if reachable {
		action = "replace"
	}
	return ip("addr " + action + " " + MetadataAddress + "/32 dev " + azureLink)
}
