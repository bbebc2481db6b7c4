package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"strongroom/e2e/node"
	"strongroom/e2e/standin"
)

// upstreamChart and upstreamRelease stand in for the chart of the driver that the product takes the place of, under the
// name that its documentation gives a release.
const (
	upstreamChart   = "testdata/upstream"
	upstreamRelease = "csi-secrets-store"
)

// Upstream is a stand-in for the driver that the product takes the place of: in its directory, with its layout of files
// and its objects for pods. It is not Served yet.
type Upstream struct {
	*standin.Driver
	mu      sync.Mutex
	content map[string]string
}

// installUpstream installs that driver's chart, whose pods do nothing, until it is uninstalled or the test ends.
func installUpstream(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { uninstallUpstream(t) })
	Helm(t, "install", upstreamRelease, upstreamChart, "--namespace", systemNamespace, "--wait")
}

func uninstallUpstream(t testing.TB) {
	t.Helper()
	Helm(t, "uninstall", upstreamRelease, "--namespace", systemNamespace, "--wait", "--ignore-not-found")
}

// NewUpstream gives every volume the same files.
func NewUpstream(t testing.TB, content map[string]string) *Upstream {
	u := &Upstream{content: content}
	u.Driver = &standin.Driver{Name: DriverName, Node: node.Name, Dir: standin.UpstreamDir, Publish: func(r *csi.NodePublishVolumeRequest) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if err := standin.Fill(r.TargetPath, u.content); err != nil {
			return err
		}
		return writeStatus(t.Context(), r, u.content)
	}}
	return u
}

// Kill ends the driver and the provider beside it without letting them clean up: sockets stay that nobody listens on.
// The one by which the kubelet knows the driver goes; it is its helper's.
func (u *Upstream) Kill(t testing.TB) {
	t.Helper()
	u.Stop()
	for _, path := range []string{driverSocket, providerSocket} {
		if err := standin.LeaveSocket(path); err != nil {
			t.Fatal(err)
		}
	}
}

// writeStatus tells of a mount as that driver does: an object whose name is the pod's, its namespace's and the class's.
func writeStatus(ctx context.Context, r *csi.NodePublishVolumeRequest, content map[string]string) error {
	about := r.VolumeContext
	namespace, pod, class := about["csi.storage.k8s.io/pod.namespace"], about["csi.storage.k8s.io/pod.name"], about["secretProviderClass"]
	var list []any
	for name := range content {
		list = append(list, map[string]any{"id": "secret/" + name, "version": "of-the-stand-in"})
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClassPodStatus",
		"metadata": map[string]any{
			"name": statusName(namespace, pod, class), "namespace": namespace,
			"labels":          map[string]any{"internal.secrets-store.csi.k8s.io/node-name": node.Name},
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": about["csi.storage.k8s.io/pod.uid"]}},
		},
		"status": map[string]any{"podName": pod, "secretProviderClassName": class, "targetPath": r.TargetPath, "mounted": true, "objects": list},
	}}
	statuses := objects.Resource(PodStatuses).Namespace(namespace)
	_, err := statuses.Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	there, err := statuses.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	object.SetResourceVersion(there.GetResourceVersion())
	_, err = statuses.Update(ctx, object, metav1.UpdateOptions{})
	return err
}

func statusName(namespace, pod, class string) string { return pod + "-" + namespace + "-" + class }

// UpstreamCRDs puts the CRDs into the cluster as that driver's chart brings them: no columns, no status subresource.
// Classes that are there stay.
func UpstreamCRDs(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(upstreamChart, "crds", "crds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range list {
		one, err := crd.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		verb := "replace"
		if Kubectl(t, "get", "crd", crd.GetName(), "--ignore-not-found", "--output", "name") == "" {
			verb = "create"
		}
		if _, err := TryKubectl(t, string(one), verb, "--filename", "-"); err != nil {
			t.Fatal(err)
		}
	}
	Kubectl(t, "wait", "--for", "condition=Established", "--timeout", "60s", "crd", classCRD, statusCRD)
	if err := columns(t); err == nil {
		t.Fatal("the CRDs have our columns already")
	}
}

// Names of the CRDs.
const (
	classCRD  = "secretproviderclasses.secrets-store.csi.x-k8s.io"
	statusCRD = "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io"
)

// columns says what the CRDs lack of ours.
func columns(t testing.TB) error {
	t.Helper()
	for crd, wanted := range map[string]string{classCRD: "Accepted", statusCRD: "Fresh"} {
		got := Kubectl(t, "get", "crd", crd, "--output", "jsonpath={.spec.versions[*].additionalPrinterColumns[*].name} {.spec.versions[*].subresources}")
		if !holdsAll(got, []string{wanted}) || crd == classCRD && !holdsAll(got, []string{"status"}) {
			return fmt.Errorf("%s has only %q", crd, got)
		}
	}
	return nil
}
