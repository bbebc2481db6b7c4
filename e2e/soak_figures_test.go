package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"strongroom/e2e/node"
)

// figure is one thing that must not grow.
type figure struct {
	name string
	// relative and absolute are what the last quarter may be above the first: the greater of the two.
	relative, absolute float64
	// exact is true of what must be as before when the pods are gone.
	exact bool
	// moving is true of what follows the pods that are there, and is judged by exact alone.
	moving bool
}

// programs are those that are measured, by their subcommand.
var programs = []string{"driver", "provider", "controller", "mic", "nmi"}

// figures are what is measured, in the order of the table.
var figures = func() (list []figure) {
	for _, p := range programs {
		list = append(list,
			figure{name: p + " memory of its own, MiB", relative: 0.15, absolute: 4},
			figure{name: p + " heap in use, MiB", relative: 0.25, absolute: 4},
			figure{name: p + " goroutines", relative: 0.1, absolute: 8},
			figure{name: p + " open files", relative: 0.1, absolute: 6})
	}
	return append(list,
		figure{name: "volumes the driver remembers", exact: true, moving: true},
		figure{name: "entries the provider keeps", absolute: 3},
		figure{name: "bytes the provider keeps", relative: 0.25, absolute: 8192},
		figure{name: "mounts of volumes", exact: true, moving: true},
		figure{name: "directories of pods", exact: true, moving: true},
		figure{name: "files beside the sockets", exact: true},
		figure{name: "SecretProviderClassPodStatuses", exact: true, moving: true},
		figure{name: "AzureAssignedIdentities", exact: true, moving: true},
		figure{name: "ConfigMaps and leases", exact: true},
	)
}()

// sample is every figure at one time.
type sample map[string]float64

// measure takes one.
func (s *soak) measure() sample {
	t := s.t
	m := sample{}
	pages := map[string]map[string]float64{"driver": DriverMetrics(t), "provider": ProviderMetrics(t), "nmi": Metrics(t, node.Address+":9090")}
	pages["controller"] = Metrics(t, OnlyPod(t, systemNamespace, "app="+Controller).Status.PodIP+":8095")
	pages["mic"] = s.leaderPage()
	for _, p := range programs {
		page := pages[p]
		if p == "mic" { // two replicas, of which one leads
			m[p+" memory of its own, MiB"] = page["process_resident_memory_bytes"] / (1 << 20)
		} else {
			m[p+" memory of its own, MiB"] = ownMemory(t, p)
		}
		m[p+" heap in use, MiB"] = page["go_memstats_heap_inuse_bytes"] / (1 << 20)
		m[p+" goroutines"] = page["go_goroutines"]
		m[p+" open files"] = page["process_open_fds"]
	}
	m["volumes the driver remembers"] = pages["driver"]["strongroom_volumes"]
	m["entries the provider keeps"] = pages["provider"]["strongroom_share_entries"]
	m["bytes the provider keeps"] = pages["provider"]["strongroom_share_bytes"]
	m["mounts of volumes"] = float64(len(Mounts(t, "kubernetes.io~csi")))
	dirs, _ := filepath.Glob("/var/lib/kubelet/pods/*") // the pattern is right
	m["directories of pods"] = float64(len(dirs))
	for _, dir := range []string{"/run/secrets-store-csi-providers", "/var/lib/kubelet/plugins/csi-secrets-store", "/var/lib/kubelet/plugins_registry", node.VolumePlugins} {
		m["files beside the sockets"] += countFiles(dir)
	}
	m["SecretProviderClassPodStatuses"] = s.count(PodStatuses)
	m["AzureAssignedIdentities"] = s.count(AssignedIdentities)
	m["ConfigMaps and leases"] = s.count(configMaps) + s.count(leases)
	return m
}

// ownMemory is what a program holds that no file stands behind. NMI starts tools of the node's, and is itself twice in the
// moment before such a one begins: the first is meant.
func ownMemory(t testing.TB, command string) float64 {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	least, found := 0, ""
	for _, file := range files {
		line, err := os.ReadFile(file) // one that ended meanwhile is nobody
		arguments := strings.Split(string(line), "\x00")
		pid, wrong := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && wrong == nil && len(arguments) > 1 && strings.HasPrefix(filepath.Base(arguments[0]), "strongroom") && arguments[1] == command && (found == "" || pid < least) {
			least, found = pid, filepath.Dir(file)
		}
	}
	m, err := rollup(found)
	if err != nil {
		t.Error(err)
	}
	return m.Anonymous
}

// leaderPage are the metrics of the MIC that works.
func (s *soak) leaderPage() map[string]float64 {
	leader := Leader(s.t)
	for _, p := range PodsOf(s.t, systemNamespace, "app=mic") {
		if p.Name == leader {
			return Metrics(s.t, p.Status.PodIP+":8888")
		}
	}
	s.t.Fatalf("no pod is called %s", leader)
	return nil
}

func (s *soak) count(kind schema.GroupVersionResource) float64 {
	list, err := objects.Resource(kind).List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(len(list.Items))
}

func countFiles(dir string) (n float64) {
	_ = filepath.WalkDir(dir, func(_ string, _ fs.DirEntry, err error) error {
		if err == nil {
			n++
		}
		return nil // what went meanwhile is not there
	})
	return n
}

// measuring takes a hundred samples and a few.
func (s *soak) measuring(ctx context.Context, lasts time.Duration) {
	for tick := time.NewTicker(max(lasts/120, time.Second)); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			s.samples = append(s.samples, s.measure())
		}
	}
}

// medianOf is the median of a figure over some samples.
func medianOf(samples []sample, name string) float64 {
	var values []float64
	for _, one := range samples {
		values = append(values, one[name])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// report prints the table, and fails the test for what grew. The first fifth warms up.
func (s *soak) report(lasts time.Duration, before, after sample) {
	t := s.t
	warm := s.samples[len(s.samples)/5:]
	quarter := len(warm) / 4
	if quarter < 3 {
		t.Fatalf("%d samples are too few", len(s.samples))
	}
	first, last := warm[:quarter], warm[len(warm)-quarter:]
	var table strings.Builder
	fmt.Fprintf(&table, "%s: %s; %d samples\n\n| what | before | first quarter | last quarter | after |\n|---|---|---|---|---|\n", lasts, s.podsOf(), len(s.samples))
	for _, f := range figures {
		was, is := medianOf(first, f.name), medianOf(last, f.name)
		fmt.Fprintf(&table, "| %s | %.4g | %.4g | %.4g | %.4g |\n", f.name, before[f.name], was, is, after[f.name])
		if bound := was + max(was*f.relative, f.absolute); !f.moving && is > bound {
			t.Errorf("%s grew: %g in the first quarter, %g in the last, and at most %g is right", f.name, was, is, bound)
		}
	}
	t.Log(table.String())
	if s.made == 0 {
		t.Error("no pod ever came")
	}
}
