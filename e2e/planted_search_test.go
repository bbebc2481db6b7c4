package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"strongroom/e2e/node"
)

// search looks for planted values wherever something of the cluster lies.
type search struct {
	t      *testing.T
	values []planted
	seeker *seeker
	began  time.Time
	found  []string // "value: place"
	looked map[string]int
}

// searchEverywhere gives where each value is.
func searchEverywhere(t *testing.T, began time.Time, values []planted) (found []string, looked map[string]int) {
	t.Helper()
	s := &search{t: t, values: values, seeker: newSeeker(values), began: began, looked: map[string]int{}}
	s.objects()
	s.pages()
	s.processes()
	s.disk()
	slices.Sort(s.found)
	return slices.Compact(s.found), s.looked
}

// look looks into one piece; store is true of the cluster's own store of Secrets.
func (s *search) look(kind, place string, data []byte, store bool) {
	s.looked[kind]++
	for n := range s.seeker.in(data) {
		if p := s.values[n]; !(store && p.kept) {
			s.found = append(s.found, p.name+": "+kind+" "+place)
		}
	}
	if token := signedToken(data); token != "" && !store {
		s.found = append(s.found, "a signed token: "+kind+" "+place+" "+token)
	}
}

// objects are all that the API serves, as it serves it, events among them.
func (s *search) objects() {
	s.t.Helper()
	lists, err := discovery.ServerPreferredResources(cluster.Client.Discovery())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") {
				continue
			}
			all, err := objects.Resource(version.WithResource(r.Name)).List(s.t.Context(), metav1.ListOptions{})
			if err != nil {
				s.t.Fatalf("%s: %v", r.Name, err)
			}
			for _, one := range all.Items {
				text, err := one.MarshalJSON()
				if err != nil {
					s.t.Fatal(err)
				}
				s.look("object", r.Name+" "+one.GetNamespace()+"/"+one.GetName(), text, r.Name == "secrets")
			}
		}
	}
}

// pages are the metrics of every component.
func (s *search) pages() {
	s.t.Helper()
	for labels, port := range map[string]string{
		"app=" + Driver: ":8095", "app=" + Provider: ":8898", "app=" + Controller: ":8095", "app=mic": ":8888", "app=nmi": ":9090",
	} {
		for _, p := range PodsOf(s.t, systemNamespace, labels) {
			text, err := get(Within(s.t, time.Minute), "http://"+p.Status.PodIP+port+"/metrics")
			if err != nil {
				s.t.Fatalf("%s: %v", p.Name, err)
			}
			s.look("metrics", p.Name, []byte(text), false)
		}
	}
}

// processes are the arguments and the environment of all that run.
func (s *search) processes() {
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		files, _ := filepath.Glob(pattern) // the pattern is right
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil { // it may have ended meanwhile
				s.look("process", file, text, false)
			}
		}
	}
}

// disk is every file that the run has written: the layers over the machine's directories, the container runtime's, the
// kubelet's, logs, etcd's, what is in the node's /run, and what is new in /tmp. Azure's own directory is not the node's.
func (s *search) disk() {
	s.t.Helper()
	run := filepath.Dir(cluster.Scratch())
	etcd, azure := filepath.Join(run, "etcd"), filepath.Join(run, "azure")
	s.walk(run, func(path string) (skip, store bool) {
		return path == azure, strings.HasPrefix(path, etcd)
	})
	s.walk("/run", func(path string) (bool, bool) { return false, false })
	s.walk("/tmp", func(path string) (skip, store bool) {
		info, err := os.Lstat(path)
		mine := err == nil && (path == "/tmp" || info.ModTime().After(s.began))
		return !mine || strings.Contains(path, "strongroom-e2e-"), false
	})
}

// walk looks into all files below a directory, and not into what is mounted beneath.
func (s *search) walk(root string, judge func(path string) (skip, store bool)) {
	s.t.Helper()
	device := deviceOf(root)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		skip, store := judge(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it went meanwhile
			return nil
		case err != nil && root == "/tmp": // others' of the machine
			return nil
		case err != nil:
			return err
		case entry.IsDir() && (skip || path != root && deviceOf(path) != device):
			return fs.SkipDir
		case skip || !entry.Type().IsRegular() || deviceOf(path) != device:
			return nil
		}
		return s.file(path, store)
	})
	if err != nil {
		s.t.Fatalf("%s: %v", root, err)
	}
}

func deviceOf(path string) uint64 {
	var stat syscall.Stat_t
	if syscall.Lstat(path, &stat) != nil { // it went meanwhile, and is on no device
		return 0
	}
	return stat.Dev
}

// file looks into a file piece by piece; what lies across two pieces is in the second as well.
func (s *search) file(path string, store bool) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // it went meanwhile
	}
	defer f.Close()
	const piece, overlap = 8 << 20, 64 << 10
	buffer := make([]byte, 0, piece+overlap)
	for first := true; ; first = false {
		keep := min(len(buffer), overlap)
		copy(buffer, buffer[len(buffer)-keep:])
		n, err := io.ReadFull(f, buffer[keep:keep+piece])
		buffer = buffer[:keep+n]
		if first && isCore(buffer) {
			s.found = append(s.found, "a core file: "+path)
		}
		if n > 0 {
			s.look(kindOfFile(path), path, buffer, store)
		}
		if err != nil {
			return nil // the end, or it went meanwhile
		}
	}
}

func kindOfFile(path string) string {
	if strings.HasSuffix(path, ".log") {
		return "log"
	}
	return "file"
}

// isCore knows a dump of a process's memory by its header.
func isCore(head []byte) bool {
	const coreType = 4
	return len(head) > 18 && bytes.HasPrefix(head, []byte("\x7fELF")) && head[16] == coreType && head[17] == 0
}

// wantNoSwap checks that a volume's memory stays memory.
func wantNoSwap(t *testing.T, target string) {
	t.Helper()
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); fields[4] == target {
			t.Logf("the volume is %s; swap in use: %d devices", strings.TrimSpace(line[strings.Index(line, " - "):]), strings.Count(string(swaps), "\n")-1)
			if !strings.Contains(line, "noswap") || !strings.Contains(line, " - tmpfs ") {
				t.Errorf("it can be swapped: %s", line)
			}
			return
		}
	}
	t.Error(fmt.Errorf("%s is not mounted on %s", target, node.Name))
}
