package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"strongroom/e2e/thirdparty"
)

// others serves a third-party provider for one test.
func others(t *testing.T, change func(*thirdparty.Provider)) *thirdparty.Provider {
	t.Helper()
	p := &thirdparty.Provider{Name: "others-" + strings.ToLower(rand.Text()[:8]), Mode: 0o644, Audiences: audiences}
	if change != nil {
		change(p)
	}
	p.Set("db", "first")
	p.Set("pair.pem", "-----BEGIN PUBLIC KEY-----\nThis is mock key\n-----END PUBLIC KEY-----")
	p.Serve(t)
	return p
}

// audiences are those the driver asks the kubelet for tokens of.
func audiences(ctx context.Context) ([]string, error) {
	driver, err := cluster.Client.StorageV1().CSIDrivers().Get(ctx, DriverName, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if len(driver.Spec.TokenRequests) < 6 {
		return nil, fmt.Errorf("the CSIDriver asks for %d tokens", len(driver.Spec.TokenRequests))
	}
	var all []string
	for _, r := range driver.Spec.TokenRequests {
		all = append(all, r.Audience)
	}
	return all, nil
}

// othersClass is a class of a third party's, that makes a Secret where one is named.
func othersClass(namespace, name string, p *thirdparty.Provider, secret string) Class {
	c := Class{Namespace: namespace, Name: name, Provider: p.Name, Parameters: map[string]string{"items": "db,pair.pem"}}
	if secret != "" {
		c.SecretObjects = "[{secretName: " + secret + ", type: Opaque, labels: {environment: test}, data: [{objectName: db, key: username}]}]"
	}
	return c
}

// What an operator finds by name after an installation, and the two versions of the class's API: scripts and other
// people's charts count on them.
func TestWhatScriptsLookForIsThere(t *testing.T) {
	t.Parallel()
	Install(t, Syncing)
	type condition struct {
		Type   string `json:"type"`
		Status string `json:"status"`
	}
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	for _, name := range []string{"secretproviderclasses", "secretproviderclasspodstatuses"} {
		Await(t, crds, "", name+".secrets-store.csi.x-k8s.io", func(crd *struct {
			Status struct {
				Conditions []condition `json:"conditions"`
			} `json:"status"`
		}) error {
			if !slices.Contains(crd.Status.Conditions, condition{"Established", "True"}) {
				return fmt.Errorf("%v", crd.Status.Conditions)
			}
			return nil
		})
	}
	for _, name := range []string{"secretproviderclasses-role", "secretprovidersyncing-role", "secretproviderclasses-admin-role",
		"secretproviderclasses-viewer-role", "secretproviderclasspodstatuses-viewer-role"} {
		Await(t, schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, "", name,
			func(*rbacv1.ClusterRole) error { return nil })
	}
	for _, name := range []string{"secretproviderclasses-rolebinding", "secretprovidersyncing-rolebinding"} {
		Await(t, schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, "", name,
			func(*rbacv1.ClusterRoleBinding) error { return nil })
	}
}

// A provider written for upstream's driver works: both versions of the class, its files, their end, and a class that is
// not there.
func TestAProviderOfOthersServesPods(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	p := others(t, nil)
	ns := Namespace(t)
	old := strings.Replace(othersClass(ns, "older", p, "").Manifest(t), "x-k8s.io/v1\n", "x-k8s.io/v1alpha1\n", 1)
	if !strings.Contains(old, "v1alpha1") {
		t.Fatal(old)
	}
	Apply(t, old)
	othersClass(ns, "newer", p, "").Apply(t)
	for _, class := range []string{"older", "newer"} {
		pod := Run(t, Pod(ns, class, Mounting(class)))
		if got := Exec(t, ns, class, "cat", "/mnt/"+class+"/db"); got != "first" {
			t.Errorf("%s: %q", class, got)
		}
		if got := Exec(t, ns, class, "cat", "/mnt/"+class+"/pair.pem"); !strings.Contains(got, "This is mock key") {
			t.Errorf("%s: %q", class, got)
		}
		if err := cluster.Client.CoreV1().Pods(ns).Delete(t.Context(), class, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := awaitGone(Within(t, time.Minute), Pods, ns, class); err != nil {
			t.Errorf("not unmounted within a minute: %v", err)
		}
		if left := Mounts(t, string(pod.UID)); len(left) > 0 {
			t.Errorf("still mounted: %q", left)
		}
	}
	driver := OnlyPod(t, systemNamespace, "app="+Driver)
	text, err := logs(t.Context(), systemNamespace, driver.Name, &corev1.PodLogOptions{Container: "secrets-store"})
	if err != nil || strings.Contains(text, "failed to clean and unmount target path") {
		t.Errorf("the driver could not unmount: %v\n%s", err, text)
	}

	Create(t, Pod(ns, "lost", Mounting("nowhere")))
	event := AwaitEvent(t, ns, "lost", "FailedMount", "failed to get secretproviderclass "+ns+"/nowhere", "not found")
	if line := event.Reason + " " + event.Message; !regexp.MustCompile("FailedMount.*failed to get secretproviderclass " + ns + "/nowhere.*not found").MatchString(line) {
		t.Errorf("not in one line: %q", line)
	}
}

// An older provider writes into the target itself. Its files are used, and rotated.
func TestAnOlderProviderWritesItsFilesItself(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	p := others(t, func(p *thirdparty.Provider) { p.Writes = true })
	ns := Namespace(t)
	othersClass(ns, "class", p, "made").Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("class"), FromSecret("USERNAME", "made", "username")))
	if got := Exec(t, ns, "web", "cat", "/mnt/class/db"); got != "first" {
		t.Errorf("%q", got)
	}
	p.Set("db", "rotated")
	AwaitSecret(t, ns, "made", Holds("username", "rotated"))
	if got := Exec(t, ns, "web", "cat", "/mnt/class/db"); got != "rotated" {
		t.Errorf("%q", got)
	}
	Remove(t, ns, "web")
	if left := Mounts(t, string(pod.UID)); len(left) > 0 {
		t.Errorf("still mounted: %q", left)
	}
}

// A provider that refuses with a code is quoted to the pod; one that never thought of modes gives files that only root
// may read, as with every driver.
func TestCodesAndModesOfOthersArePassedOn(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	refusing := others(t, func(p *thirdparty.Provider) { p.Code = "NotAuthorized" })
	careless := others(t, func(p *thirdparty.Provider) { p.Mode = 0 })
	ns := Namespace(t)
	othersClass(ns, "refusing", refusing, "").Apply(t)
	othersClass(ns, "careless", careless, "").Apply(t)
	Create(t, Pod(ns, "refused", Mounting("refusing")))
	pod := Run(t, Pod(ns, "root", Mounting("careless")))
	AwaitEvent(t, ns, "refused", "FailedMount", "mount request failed with provider error code NotAuthorized")
	if got := Exec(t, ns, pod.Name, "sh", "-c", "stat -L -c %a /mnt/careless/db; cat /mnt/careless/db"); got != "0\nfirst" {
		t.Errorf("%q", got)
	}
	Await(t, Pods, ns, "refused", func(p *corev1.Pod) error {
		if p.Status.Phase != corev1.PodPending {
			return errors.New("it runs")
		}
		return nil
	})
}
