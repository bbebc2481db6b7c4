package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Conditions are what an object's status says about it.
type Conditions struct {
	Conditions []metav1.Condition `json:"conditions"`
}

// is says what is missing to a condition of that status and reason; an empty reason is any.
func (c Conditions) is(kind, status, reason string) error {
	for _, condition := range c.Conditions {
		if condition.Type == kind && condition.Status == metav1.ConditionStatus(status) && (reason == "" || condition.Reason == reason) {
			return nil
		}
	}
	return fmt.Errorf("it is not %s %s %s: %+v", kind, status, reason, c.Conditions)
}

// PodStatus is a SecretProviderClassPodStatus as its readers see it.
type PodStatus struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Status   struct {
		Conditions
		PodName    string `json:"podName"`
		Class      string `json:"secretProviderClassName"`
		TargetPath string `json:"targetPath"`
		Mounted    bool   `json:"mounted"`
		Objects    []struct {
			ID      string `json:"id"`
			Version string `json:"version"`
		} `json:"objects"`
	} `json:"status"`
}

// version is what the status says of one object; empty when it says nothing.
func (s *PodStatus) version(id string) string {
	for _, o := range s.Status.Objects {
		if o.ID == id {
			return o.Version
		}
	}
	return ""
}

// AwaitPodStatus waits until what is written of a pod and a class has nothing missing.
func AwaitPodStatus(t testing.TB, pod *corev1.Pod, class string, missing func(*PodStatus) error) *PodStatus {
	t.Helper()
	return Await(t, PodStatuses, pod.Namespace, pod.Name+"-"+pod.Namespace+"-"+class, missing)
}

// AwaitFresh waits until the condition Fresh of a pod's class says that, with its reason.
func AwaitFresh(t testing.TB, pod *corev1.Pod, class, status, reason string) {
	t.Helper()
	AwaitPodStatus(t, pod, class, func(s *PodStatus) error { return s.Status.is("Fresh", status, reason) })
}
