package chart_test

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"

	"strongroom/tools/chart"
)

// The API server refuses a container that mounts two things at one path, and a pod with two volumes of one name.
func TestNothingIsMountedTwiceAtOnePath(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		for part, w := range workloads(t, out) {
			paths, names := map[string]bool{}, map[string]bool{}
			for _, mount := range w.container().VolumeMounts {
				if paths[mount.MountPath] {
					t.Errorf("%s mounts two volumes at %s", part, mount.MountPath)
				}
				paths[mount.MountPath] = true
			}
			for _, v := range w.pod.Spec.Volumes {
				if names[v.Name] {
					t.Errorf("%s has two volumes %s", part, v.Name)
				}
				names[v.Name] = true
			}
		}
	})
}

// A folder that the Azure provider's own values named was one of the driver's additional ones, and the usual one stays in
// use for other providers.
func TestTheProvidersFolderIsAmongTheDrivers(t *testing.T) {
	t.Parallel()
	const usual, other = "/var/run/secrets-store-csi-providers", "/etc/kubernetes/secrets-store-csi-providers"
	for values, want := range map[string][2]string{
		``:                                       {usual, other},
		`{linux: {providersDir: ` + other + `}}`: {other, usual},
		`{linux: {additionalProvidersDirs: [` + usual + `]}}`:                                           {usual, ""},
		`{linux: {providersDir: /a, additionalProvidersDirs: [/b, /a, /b]}}`:                            {"/a", "/b," + usual},
		`{linux: {providersDir: /a, additionalProvidersDirs: []}}`:                                      {"/a", ""},
		`{linux: {providersDir: /a}, secrets-store-csi-driver: {linux: {providersDir: ` + other + `}}}`: {other, usual},
	} {
		flags := args(workloads(t, render(t, inKubeSystem, values))["driver"])
		if got := [2]string{flags["provider-volume"], flags["additional-provider-volume-paths"]}; got != want {
			t.Errorf("%s: the driver looks in %v, not %v", values, got, want)
		}
	}
}

// Of the Azure provider's values, "linux" is the provider's; what its block says of the driver counts for the driver.
func TestTheOlderBlockDecidesAboutTheDriverOnLinux(t *testing.T) {
	t.Parallel()
	for values, want := range map[string][2]bool{ // the driver, the provider
		`{linux: {enabled: false}, secrets-store-csi-driver: {linux: {enabled: true}}}`: {true, false},
		`{secrets-store-csi-driver: {linux: {enabled: false}}}`:                         {false, true},
		`{linux: {enabled: false}}`:                                                     {false, false},
	} {
		all := workloads(t, render(t, inKubeSystem, values))
		_, driver := all["driver"]
		_, provider := all["provider"]
		if got := [2]bool{driver, provider}; got != want {
			t.Errorf("%s: %v, not %v", values, got, want)
		}
	}
}

func TestSuitesOfOthersInstallWhatTheyMean(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["their driver's suite"])
	for part, w := range workloads(t, out) {
		if image := w.container().Image; image != "registry.example/strongroom:e2e" {
			t.Errorf("%s would run %s", part, image)
		}
	}
	for _, o := range out.Hooks {
		if o.Kind() == "Job" && decoded[batchv1.Job](t, o).Spec.Template.Annotations["myAnnotation"] != "test" {
			t.Error("the annotation is not on the pod that applies the CRDs")
		}
	}
	all := workloads(t, render(t, inKubeSystem, matrix["their provider's suite"]))
	for _, part := range []string{"driver", "provider"} {
		if all[part].pod.Annotations["foo"] != "bar" {
			t.Errorf("%s has annotations %v", part, all[part].pod.Annotations)
		}
	}
	if _, there := all["provider-windows"]; there {
		t.Error("an empty text switches Windows on")
	}
	flags := args(all["provider"])
	if flags["cloud-files"] != "/etc/kubernetes" || flags["custom-user-agent"] != "csi-e2e" {
		t.Errorf("the provider is told %v", flags)
	}
}

func TestNotesNameTheValuesThatSayNothing(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		matrix["upstream driver"]:        "no effect here: linux.registrarImage, linux.registrar, linux.livenessProbeImage, linux.livenessProbe, linux.crds.image.",
		matrix["their provider's suite"]: "no effect here: windows.customUserAgent.",
		``:                               "",
	} {
		notes := render(t, inKubeSystem, values).Notes
		if !strings.Contains(notes, want) || want == "" && strings.Contains(notes, "no effect") {
			t.Errorf("%s: the notes do not say %q:\n%s", values, want, notes)
		}
	}
}

// Classes that name a file of a cloud with its directory keep it, whoever puts the file there.
func TestCloudFilesAreWhereClassesLookForThem(t *testing.T) {
	t.Parallel()
	for values, want := range map[string][3]string{
		`{cloudFiles: {own.json: "{}"}}`: {"/clouds", "", "/clouds"},
		`{cloudFiles: {own.json: "{}"}, cloudFile: own.json, cloudFilesDir: /etc/kubernetes/}`: {"/etc/kubernetes", "/etc/kubernetes/own.json", "/etc/kubernetes"},
		`{cloudFile: mine.json, cloudFilesDir: /etc/kubernetes}`:                               {"/etc/kubernetes", "/etc/kubernetes/mine.json", ""},
		`{cloudFiles: {own.json: "{}"}, cloudFilesDir: null}`:                                  {"/clouds", "", "/clouds"},
	} {
		provider := workloads(t, render(t, inKubeSystem, values))["provider"]
		mounted := ""
		for _, mount := range provider.container().VolumeMounts {
			if mount.Name == "clouds" {
				mounted = mount.MountPath
			}
		}
		if got := [3]string{args(provider)["cloud-files"], args(provider)["cloud-file"], mounted}; got != want {
			t.Errorf("%s: %v, not %v", values, got, want)
		}
	}
}
