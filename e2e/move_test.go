package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// move is what moves from one driver to the other: pods with a volume of one class, whose files are read all the time.
type move struct {
	ns      string
	vault   azure.Vault
	reader  azure.Identity
	pods    []*corev1.Pod
	begun   map[string]beginning // by the pod's name
	watcher *Watcher
}

// beginning is what the first driver left of a pod.
type beginning struct {
	data   string // where ..data led
	status string // UID of the object for the pod
}

// podStatus is a SecretProviderClassPodStatus.
type podStatus struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		TargetPath string `json:"targetPath"`
		Objects    []struct {
			ID      string `json:"id"`
			Version string `json:"version"`
		} `json:"objects"`
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// newMove runs pods under the driver that serves now.
func newMove(t *testing.T) *move {
	t.Helper()
	m := &move{ns: Namespace(t), begun: map[string]beginning{}}
	m.reader = Azure().Managed(t, m.ns+"/default")
	m.vault = Azure().Vault(t, m.reader)
	m.vault.Set(t, "secret1", "one")
	WorkloadClass(m.ns, "class", m.vault, m.reader, "secret1").Apply(t)
	m.watcher = Watch(t, "/mnt/class/secret1", "one")
	for i := range 3 {
		pod := Run(t, Pod(m.ns, fmt.Sprintf("old-%d", i), Mounting("class")))
		m.come(t, pod)
		m.begun[pod.Name] = m.beginning(t, pod)
	}
	return m
}

// beginning notes what a driver has made of a pod.
func (m *move) beginning(t *testing.T, pod *corev1.Pod) beginning {
	t.Helper()
	status := Await(t, PodStatuses, m.ns, statusName(m.ns, pod.Name, "class"), func(*podStatus) error { return nil })
	return beginning{data: m.data(t, pod), status: string(status.UID)}
}

func (m *move) data(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	name, err := os.Readlink(filepath.Join(Target(pod, "class"), "..data"))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// come counts a pod in, and leave lets it go.
func (m *move) come(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	m.watcher.Add(*pod)
	m.pods = append(m.pods, pod)
}

func (m *move) leave(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	m.watcher.Forget(*pod)
	Remove(t, m.ns, pod.Name)
	AwaitUnmounted(t, string(pod.UID))
	m.pods = slices.DeleteFunc(slices.Clone(m.pods), func(p *corev1.Pod) bool { return p == pod })
}

// adopted waits until our driver tells of every pod, and looks that it left the files as they were and took over the
// other's object.
func (m *move) adopted(t *testing.T) {
	t.Helper()
	for _, pod := range m.pods {
		status := Await(t, PodStatuses, m.ns, statusName(m.ns, pod.Name, "class"), func(s *podStatus) error {
			if len(s.Status.Conditions) == 0 {
				return errors.New("there is no condition")
			}
			return nil
		})
		begun := m.begun[pod.Name]
		if string(status.UID) != begun.status || status.Status.TargetPath != Target(pod, "class") || len(status.OwnerReferences) != 1 {
			t.Errorf("the object for %s is not what it was: %+v", pod.Name, status)
		}
		if data := m.data(t, pod); data != begun.data {
			t.Errorf("%s: the same content was written anew: %s, %s", pod.Name, begun.data, data)
		}
		if points := Mounts(t, string(pod.UID)+"/volumes/kubernetes.io~csi"); len(points) != 1 {
			t.Errorf("%s: mounted %q", pod.Name, points)
		}
	}
}

// reach waits until every pod reads a text.
func (m *move) reach(t *testing.T, text string) {
	t.Helper()
	for _, pod := range m.pods {
		Eventually(t, pod.Name, func() error {
			got, err := TryRead(t, m.ns, pod.Name, "/mnt/class/secret1")
			if err == nil && got != text {
				err = fmt.Errorf("reads %q, not %q", got, text)
			}
			return err
		})
	}
}

// status waits until the object for a pod tells a version.
func (m *move) status(t *testing.T, pod *corev1.Pod, version string) {
	t.Helper()
	Await(t, PodStatuses, m.ns, statusName(m.ns, pod.Name, "class"), func(s *podStatus) error {
		if len(s.Status.Objects) != 1 || s.Status.Objects[0].Version != version {
			return fmt.Errorf("it tells %+v, not version %s", s.Status.Objects, version)
		}
		return nil
	})
}
