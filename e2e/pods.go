package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"strongroom/e2e/standin"
)

// Image is what pods of the tests run: a shell with the usual tools, and no certificates.
const Image = "localhost/busybox:e2e"

// CurlImage is Image with curl, which shows an answer whatever its status.
const CurlImage = "localhost/curl:e2e"

// SDKImage is CurlImage with a program that asks for a token by Azure's SDK, see e2e/sdk.
const SDKImage = "localhost/sdk:e2e"

// With changes one thing about a pod, or about the pods of a workload.
type With func(*corev1.PodTemplateSpec)

// Idle is a shell command that does nothing until it is told to end.
const Idle = "trap exit TERM; sleep 1000000 & wait"

// template is a pod that does nothing. It is given a second to end: with none its object would go at once, and its
// volumes at any time after that.
func template(changes []With) corev1.PodTemplateSpec {
	second := int64(1)
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		TerminationGracePeriodSeconds: &second,
		Containers: []corev1.Container{{
			Name: "main", Image: Image, ImagePullPolicy: corev1.PullNever, Command: []string{"sh", "-c", Idle},
		}},
	}}
	for _, change := range changes {
		change(&pod)
	}
	return pod
}

// Pod spells a pod, and makes nothing.
func Pod(namespace, name string, changes ...With) *corev1.Pod {
	made := template(changes)
	pod := &corev1.Pod{ObjectMeta: made.ObjectMeta, Spec: made.Spec}
	pod.Namespace, pod.Name = namespace, name
	return pod
}

// Create makes a pod and waits for nothing.
func Create(t testing.TB, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	made, err := cluster.Client.CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Run makes a pod and waits until it is ready.
func Run(t testing.TB, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	Create(t, pod)
	return AwaitReady(t, pod.Namespace, pod.Name)
}

// AwaitReady waits until a pod is ready.
func AwaitReady(t testing.TB, namespace, name string) *corev1.Pod {
	t.Helper()
	return Await(t, Pods, namespace, name, notReady)
}

func notReady(p *corev1.Pod) error {
	if p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded {
		return Hopeless("it has ended: %s", p.Status.Phase)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("it is %s, not ready: %s", p.Status.Phase, waitingFor(p))
}

func waitingFor(p *corev1.Pod) string {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return strings.TrimSpace(c.State.Waiting.Reason + " " + c.State.Waiting.Message)
		}
	}
	return "no container says why"
}

// Remove deletes a pod and waits until it is gone, which it is when its volumes are.
func Remove(t testing.TB, namespace, name string) {
	t.Helper()
	if err := cluster.Client.CoreV1().Pods(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	AwaitGone(t, Pods, namespace, name)
}

// Deployment makes one and waits until all its pods are ready. It selects them by the label app.
func Deployment(t testing.TB, namespace, name string, replicas int32, changes ...With) {
	t.Helper()
	pod := template(append(changes, Labelled("app", name)))
	_, err := cluster.Client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: metav1.SetAsLabelSelector(map[string]string{"app": name}), Template: pod},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	AwaitDeployment(t, namespace, name)
}

// AwaitDeployment waits until the latest pods of a Deployment, and no others, are ready.
func AwaitDeployment(t testing.TB, namespace, name string) {
	t.Helper()
	Await(t, Deployments, namespace, name, func(d *appsv1.Deployment) error {
		s, want := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.AvailableReplicas != want || s.Replicas != want {
			return fmt.Errorf("of %d pods %d are of the latest kind and %d ready", want, s.UpdatedReplicas, s.AvailableReplicas)
		}
		return nil
	})
}

// AwaitDaemonSet waits until the latest pod of a DaemonSet is ready.
func AwaitDaemonSet(t testing.TB, namespace, name string) {
	t.Helper()
	Await(t, DaemonSets, namespace, name, func(d *appsv1.DaemonSet) error {
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.DesiredNumberScheduled == 0 || s.UpdatedNumberScheduled != s.DesiredNumberScheduled || s.NumberAvailable != s.DesiredNumberScheduled {
			return fmt.Errorf("of %d pods %d are of the latest kind and %d ready", s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable)
		}
		return nil
	})
}

// PodsOf lists pods by labels, "app=web", that are not about to go.
func PodsOf(t testing.TB, namespace, labels string) []corev1.Pod {
	t.Helper()
	list, err := cluster.Client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		t.Fatal(err)
	}
	var pods []corev1.Pod
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			pods = append(pods, p)
		}
	}
	return pods
}

// OnlyPod is the one pod with those labels.
func OnlyPod(t testing.TB, namespace, labels string) corev1.Pod {
	t.Helper()
	pods := PodsOf(t, namespace, labels)
	if len(pods) != 1 {
		t.Fatal(errors.New("not one pod"), len(pods), labels)
	}
	return pods[0]
}

// Target is where the node has a pod's volume.
func Target(pod *corev1.Pod, volume string) string {
	return standin.Target(string(pod.UID), volume)
}

// AwaitNoPods waits until no pod has the labels.
func AwaitNoPods(t testing.TB, namespace, labels string) {
	t.Helper()
	err := follow(Within(t, patience), Pods, namespace, metav1.ListOptions{LabelSelector: labels}, func(list []unstructured.Unstructured) error {
		if len(list) > 0 {
			return fmt.Errorf("%d pods, %s among them", len(list), list[0].GetName())
		}
		return nil
	})
	if err != nil {
		t.Fatalf("pods with %s stay: %v", labels, err)
	}
}
