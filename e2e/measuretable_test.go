package e2e

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"strongroom/e2e/azure"
)

// table is what was measured: what, what is aimed at, what came of it.
type table [][3]string

// print prints it as Markdown.
func (rows table) print(t *testing.T) {
	var text strings.Builder
	text.WriteString("\n| what | aim | measured |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&text, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
	fmt.Println(text.String())
}

// spread is the median of durations, and between which the middle half of them is.
func spread(took []time.Duration) string {
	return fmt.Sprintf("%d ms (%d-%d)", median(took).Milliseconds(), quantile(took, 25).Milliseconds(), quantile(took, 75).Milliseconds())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// trips are durations in requests to Azure.
func trips(took []time.Duration) string {
	in := func(d time.Duration) float64 { return float64(d) / float64(roundTrip) }
	return fmt.Sprintf("%.2f / %.2f (of %d)", in(median(took)), in(quantile(took, 99)), len(took))
}

// asking counts what the product asked of Azure: the tests only write there.
func asking(records []azure.Record) (n int) {
	for _, r := range records {
		if r.Method == "GET" || r.Kind == "token" {
			n++
		}
	}
	return n
}

// memory measures the product's processes.
func (b *bench) memory() string {
	b.t.Helper()
	driver, provider, controller := MemoryOf(b.t, "driver"), MemoryOf(b.t, "provider"), MemoryOf(b.t, "controller")
	both := driver.Plus(provider)
	show := func(m Memory) string { return fmt.Sprintf("%.1f (%.1f)", m.Resident, m.Proportional) }
	return fmt.Sprintf("%s, %s, **%s**; controller %s; without files' pages %.1f, %.1f, %.1f",
		show(driver), show(provider), show(both), show(controller), driver.Anonymous, provider.Anonymous, controller.Anonymous)
}

// snapshot tells of everything under the targets of pods with a label which file it is and when it was changed.
func (b *bench) snapshot(label string) map[string]string {
	b.t.Helper()
	seen := map[string]string{}
	for _, pod := range PodsOf(b.t, b.ns, label) {
		for _, volume := range pod.Spec.Volumes {
			if volume.CSI == nil {
				continue
			}
			err := filepath.WalkDir(Target(&pod, volume.Name), func(path string, entry fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := entry.Info()
				if err != nil {
					return err
				}
				stat := info.Sys().(*syscall.Stat_t)
				seen[path] = fmt.Sprint(stat.Ino, stat.Ctim, stat.Size)
				return nil
			})
			if err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if len(seen) < burst*secretsOf {
		b.t.Fatalf("there are only %d files", len(seen))
	}
	return seen
}

// differing lists what is there once, or not the same twice.
func differing(before, after map[string]string) (paths []string) {
	for path, was := range before {
		if after[path] != was {
			paths = append(paths, path)
		}
	}
	for path := range after {
		if before[path] == "" {
			paths = append(paths, path)
		}
	}
	return paths
}
