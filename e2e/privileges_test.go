package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// privilege is something that the pods of a workload have of the node, and what is told where it is missing.
type privilege struct {
	set, name string // set is a DaemonSet, or MIC
	take      func(*corev1.PodSpec)
	needs     func(w *deprived, pod string) // makes what needs it; nil where the program notices by itself
	says      []string                      // all of them, in its log or in an event of the pod that needs it
}

// deprived is the namespace of pods that need a privilege.
type deprived struct {
	t  *testing.T
	ns string
}

// Promised: of the node our programs have what they need and no more. Each privilege is taken away, and then something
// fails, by a line in the log or an event that says what is missing.
func TestEveryPrivilegeIsNeededAndItsLackIsNamed(t *testing.T) {
	longForm(t)
	t.Parallel()
	azureFile(t)
	PodIdentityAlone(t, "podIdentity: {adminsecret: null}") // MIC reads the node's file instead
	AwaitDaemonSet(t, systemNamespace, FlexInstaller)
	ns := PodSpace(t)
	reader, onlyBound, id := Azure().Managed(t, ns+"/default"), bound(t, []string{ns + "/default"}), Azure().Managed(t)
	vault := Azure().Vault(t, reader, onlyBound)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	WorkloadClass(ns, "binding", vault, onlyBound, "secret1").With("useAzureTokenProxy", "true").Apply(t)
	stranger := WorkloadClass(ns, "elsewhere", vault, reader, "secret1")
	stranger.Provider = "elsewhere"
	stranger.Apply(t)
	Class{Namespace: ns, Name: "bypod", Objects: []string{"objectName: secret1\nobjectType: secret\n"}, Parameters: map[string]string{
		"keyvaultName": vault.Name, "tenantId": azure.Tenant, "usePodIdentity": "true"}}.Apply(t)
	w := &deprived{t: t, ns: ns}
	legacyMark(t)
	nothingToTake(t)
	propagationNeedsPrivilege(t)
	usual := map[string]corev1.PodSpec{}
	for i, p := range privileges() {
		t.Logf("%s without %s", p.set, p.name)
		if _, known := usual[p.set]; !known {
			usual[p.set] = *specOf(t, p.set)
		}
		before := usual[p.set]
		spec := *before.DeepCopy()
		p.take(&spec)
		setSpec(t, p.set, spec)
		pod := fmt.Sprintf("needs-%d", i)
		if p.needs != nil {
			p.needs(w, pod)
		}
		if err := w.told(p, pod); err != nil {
			t.Errorf("%s without %s: %v", p.set, p.name, err)
		}
		if i+1 == len(privileges()) || privileges()[i+1].set != p.set {
			setSpec(t, p.set, usual[p.set])
			awaitWorkload(t, p.set)
		}
	}
	AwaitInstalled(t)
	Bind(t, ns, id, ns)
	after := Run(t, Pod(ns, "after", Of(CurlImage), Labelled(BoundBy, ns), Mounting("class"), Mounting("binding")))
	WantFile(t, after, "class", "secret1", "one")
	WantFile(t, after, "binding", "secret1", "one")
	AwaitToken(t, ns, "after", "", id.ObjectID)
}

// told waits until the lack of a privilege is told.
func (w *deprived) told(p privilege, pod string) error {
	for deadline := time.Now().Add(patience / 2); ; {
		text := unquoted(saidBy(w.t, p.set, w.ns, pod))
		if holdsAll(text, p.says) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing says %q, only\n%s", p.says, text[max(0, len(text)-2500):])
		}
		select {
		case <-w.t.Context().Done():
			return w.t.Context().Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func mounting(class string) func(*deprived, string) {
	return func(w *deprived, pod string) { Create(w.t, Pod(w.ns, pod, Mounting(class))) }
}

// privileges are the table, in the order of workloads.
func privileges() []privilege {
	propagates := func(p *corev1.PodSpec) {
		for i := range p.Containers[0].VolumeMounts {
			p.Containers[0].VolumeMounts[i].MountPropagation = nil
		}
	}
	const frozen = "read-only file system"
	return []privilege{
		{Driver, "privilege", func(p *corev1.PodSpec) { propagates(p); p.Containers[0].SecurityContext.Privileged = nil },
			mounting("class"), []string{"failed to mount a tmpfs", "operation not permitted", "run the driver privileged"}},
		{Driver, "mount propagation", propagates, mounting("class"), []string{"seen by this container alone", "mountPropagation: Bidirectional"}},
		{Driver, "the kubelet's pods", lose("mountpoint-dir"), mounting("class"), []string{frozen, "/var/lib/kubelet/pods"}},
		{Driver, "the folder of providers", lose("providers-dir"), mounting("class"), []string{"provider", "azure", "/var/run/secrets-store-csi-providers"}},
		{Driver, "the other folder of providers", lose("providers-dir-0"), mounting("elsewhere"), []string{"elsewhere", "/etc/kubernetes/secrets-store-csi-providers"}},
		{Driver, "its folder of the kubelet's plugins", lose("plugin-dir"), nil, []string{"cannot listen on this socket", "make /csi a directory"}},
		{Driver, "the kubelet's folder of registrations", lose("registration-dir"), nil, []string{"/registration"}},
		{Provider, "the folder of sockets", lose("provider-dir"), nil, []string{"cannot listen on this socket", "make /provider a directory"}},
		{Provider, "being root", nobody, nil, []string{"/provider", "permission denied"}},
		{Provider, "the cluster's certificate authority", lose("cluster-ca"), mounting("binding"), []string{"token proxy", "/cluster/ca.crt", "kube-root-ca.crt"}},
		{Provider, "the node's network", func(p *corev1.PodSpec) { p.HostNetwork = false }, mounting("bypod"), []string{"127.0.0.1:2579", "connection refused"}},
		{NMI, "NET_ADMIN", uncapable("NET_ADMIN"), nil, []string{"NET_ADMIN"}},
		{NMI, "NET_RAW", uncapable("NET_RAW"), nil, []string{"iptables-legacy", "NET_RAW"}},
		{NMI, "SYS_CHROOT", uncapable("SYS_CHROOT"), nil, []string{"SYS_CHROOT"}},
		{NMI, "the node's files", lose("host"), nil, []string{"/host"}},
		{NMI, "the node's network", func(p *corev1.PodSpec) { p.HostNetwork = false }, nil, []string{"hostNetwork"}},
		{FlexInstaller, "the kubelet's folder of plugins", lose("volumeplugins"), nil, []string{frozen}},
		{MIC, "the node's azure.json", lose("k8s-azure-file"), nil, []string{azureJSON, "no such file", "mount the node's"}},
		{MIC, "being root", nobody, nil, []string{azureJSON, "permission denied"}},
	}
}

func nobody(p *corev1.PodSpec) {
	user := int64(65532)
	p.Containers[0].SecurityContext.RunAsUser = &user
}

// legacyMark makes the node one that has rules of both kinds: those of the older one are looked at by a raw socket.
func legacyMark(t *testing.T) {
	t.Helper()
	for _, action := range []string{"-N", "-X"} {
		make := func() {
			if out, err := exec.Command("iptables-legacy", "-w", "5", "-t", "mangle", action, "KUBE-IPTABLES-HINT").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
		if action == "-X" {
			t.Cleanup(make)
			return
		}
		make()
	}
}

// lose takes volumes out of a pod.
func lose(names ...string) func(*corev1.PodSpec) {
	return func(p *corev1.PodSpec) {
		p.Volumes = slices.DeleteFunc(p.Volumes, func(v corev1.Volume) bool { return slices.Contains(names, v.Name) })
		c := &p.Containers[0]
		c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return slices.Contains(names, m.Name) })
	}
}

func uncapable(capability corev1.Capability) func(*corev1.PodSpec) {
	return func(p *corev1.PodSpec) {
		c := p.Containers[0].SecurityContext.Capabilities
		c.Add = slices.DeleteFunc(c.Add, func(one corev1.Capability) bool { return one == capability })
	}
}

// propagationNeedsPrivilege: Kubernetes itself lets nobody have the driver's mounts seen by the node without privilege.
func propagationNeedsPrivilege(t *testing.T) {
	t.Helper()
	d := daemonSet(t, Driver)
	d.Spec.Template.Spec.Containers[0].SecurityContext.Privileged = nil
	_, err := cluster.Client.AppsV1().DaemonSets(systemNamespace).Update(t.Context(), d, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil || !strings.Contains(err.Error(), "Bidirectional mount propagation is available only to privileged containers") {
		t.Errorf("%v", err)
	}
}

// nothingToTake looks at the provider's process: root by its number alone, without a capability, a token or a file that it
// could change but for its socket.
func nothingToTake(t *testing.T) {
	t.Helper()
	_, process, err := running(t, systemNamespace, "app="+Provider)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("/proc", strconv.Itoa(process))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), line+"\n") {
			t.Errorf("the provider's process is not %q", line)
		}
	}
	mounts, err := os.ReadFile(filepath.Join(dir, "mountinfo"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		switch {
		case strings.Contains(line, "serviceaccount"):
			t.Errorf("the provider has a token: %s", line)
		case fields[4] == "/" && !strings.HasPrefix(fields[5], "ro"):
			t.Errorf("its root can be written: %s", line)
		}
	}
}
