package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// FlexInstaller is what the chart calls the DaemonSet that installs the FlexVolume driver.
const FlexInstaller = "keyvault-flexvolume"

// Where the kubelet finds the driver, and the settings beside it.
const (
	flexHome     = node.VolumePlugins + "/azure~kv"
	flexProgram  = flexHome + "/kv"
	flexSettings = flexHome + "/kv.json"
)

// FlexVolume is PodIdentity, whose values have the FlexVolume driver, too.
func FlexVolume(t testing.TB) {
	t.Helper()
	PodIdentity(t)
	AwaitDaemonSet(t, systemNamespace, FlexInstaller)
	awaitFlexDriver(t)
}

// awaitFlexDriver waits until the kubelet has a driver to execute: an installer is ready before it has begun.
func awaitFlexDriver(t testing.TB) {
	t.Helper()
	Eventually(t, "the FlexVolume driver", func() error {
		_, err := os.Stat(flexProgram)
		return err
	})
}

// FlexMounting mounts a FlexVolume azure/kv at /mnt/NAME. Options are pairs of name and value; secretRef may be empty.
func FlexMounting(name, secretRef string, options ...string) With {
	return func(p *corev1.PodTemplateSpec) {
		source := &corev1.FlexVolumeSource{Driver: "azure/kv", ReadOnly: true, Options: map[string]string{}}
		for i := 0; i+1 < len(options); i += 2 {
			source.Options[options[i]] = options[i+1]
		}
		if secretRef != "" {
			source.SecretRef = &corev1.LocalObjectReference{Name: secretRef}
		}
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{FlexVolume: source}})
		main := &p.Spec.Containers[0]
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: "/mnt/" + name, ReadOnly: true})
	}
}

// flexSecrets are the options that every volume of secrets needs; names are separated by ";".
func flexSecrets(v azure.Vault, names string, more ...string) []string {
	types := strings.Repeat("secret;", strings.Count(names, ";")) + "secret"
	return append([]string{"keyvaultname", v.Name, "keyvaultobjectnames", names, "keyvaultobjecttypes", types, "tenantid", azure.Tenant}, more...)
}

// FlexTarget is where the node has a pod's FlexVolume.
func FlexTarget(pod *corev1.Pod, volume string) string {
	return filepath.Join("/var/lib/kubelet/pods", string(pod.UID), "volumes", "azure~kv", volume)
}

// FlexCredentials makes the Secret of a service principal as the manual of the FlexVolume has it.
func FlexCredentials(t testing.TB, namespace string, app azure.Identity) {
	t.Helper()
	Kubectl(t, "create", "secret", "generic", "kvcreds", "--namespace", namespace, "--type=azure/kv",
		"--from-literal", "clientid="+app.ClientID, "--from-literal", "clientsecret="+app.Secret)
}

// Contents reads the files of a volume where the node has it, by name.
func Contents(t testing.TB, target string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(target)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") { // the volume's own bookkeeping
			continue
		}
		text, err := os.ReadFile(filepath.Join(target, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(text)
	}
	return files
}

// CreateIn creates a manifest in a namespace as people do, with every byte as it is.
func CreateIn(t testing.TB, namespace, manifest string) {
	t.Helper()
	if _, err := TryKubectl(t, manifest, "create", "--namespace", namespace, "--filename", "-"); err != nil {
		t.Fatal(err)
	}
}

// Migrated is what strongroom migrate makes of a manifest, and strongroom check finds in order.
func Migrated(t testing.TB, manifest string) string {
	t.Helper()
	dir := t.TempDir()
	before, after := filepath.Join(dir, "deployment.yaml"), filepath.Join(dir, "migrated.yaml")
	if err := os.WriteFile(before, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strongroom(t, "migrate", before)
	if err := os.WriteFile(after, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	strongroom(t, "check", after)
	return text
}

// strongroom runs the product's program as a person does. It must succeed.
func strongroom(t testing.TB, arguments ...string) string {
	t.Helper()
	out, err := output(exec.CommandContext(Within(t, patience), cluster.Asset("strongroom"), arguments...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unmountedFlex waits until no FlexVolume of a pod is mounted, nor its directory there.
func unmountedFlex(t testing.TB, pod *corev1.Pod) {
	t.Helper()
	AwaitUnmounted(t, string(pod.UID))
	Eventually(t, "the end of a pod's directory", func() error {
		if left, _ := filepath.Glob(FlexTarget(pod, "*")); len(left) > 0 {
			return fmt.Errorf("%q are left", left)
		}
		return nil
	})
}
