package publish

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/share"
	"strongroom/internal/volume"
)

// crowd is a node with many volumes of one principal, a provider that shares by the real pool, and a vault that takes
// its time. It runs on the bubble's own clock, so everything happens to the moment.
type crowd struct {
	*Publisher
	t       *testing.T
	pool    *share.Pool
	classes map[string]map[string]string // parameters by class; "objects" are the names of its objects

	mu     sync.Mutex
	mounts int
	reads  map[string][]time.Time // by object: when the vault was asked
	since  time.Time              // reads before it do not count any more
}

const vaultLatency = 20 * time.Millisecond

func newCrowd(t *testing.T, classes map[string]map[string]string) *crowd {
	c := &crowd{t: t, classes: classes, reads: map[string][]time.Time{}, pool: share.New(share.Config{Clock: clock.Real{}})}
	c.Publisher = New(Config{
		Classes: c, Providers: c, Volumes: &memory{sets: map[string][]secret.File{}}, Clock: clock.Real{}, Interval: 2 * time.Minute,
	})
	return c
}

func (c *crowd) Class(_ context.Context, _, name string) (class secretsstore.Class, _ error) {
	class.Metadata.Name = name
	class.Spec = secretsstore.Spec{Provider: "azure", Parameters: c.classes[name]}
	return class, nil
}

func (c *crowd) Provider(string) (provider.Provider, error) { return c, nil }

// Mount gives each object's file the time at which the vault was asked for it.
func (c *crowd) Mount(ctx context.Context, req provider.Request) (response provider.Response, _ error) {
	time.Sleep(rand.N(50 * time.Millisecond)) // the way to the provider, and the queue before it
	c.mu.Lock()
	c.mounts++
	c.mu.Unlock()
	began := time.Now()
	names := strings.Fields(req.Attributes["objects"])
	answers := make([]share.Answer[reading], len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() (err error) {
			want := share.Want{Vault: "kv", Name: name, NotBefore: req.Freshness.NotBefore, Grant: share.Grant{Principal: secret.Principal{Mode: secret.ManagedIdentity}}}
			answers[i], err = share.Get(ctx, c.pool, want, func(context.Context) (reading, error) { return c.read(name), nil })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return response, err
	}
	for i, name := range names {
		stamp := secret.NewValue([]byte(answers[i].AskedAt.Format(time.RFC3339Nano)))
		response.Files = append(response.Files, secret.File{Path: name, Mode: 0o644, Contents: stamp})
		response.Versions = append(response.Versions, secret.Version{ID: name, Version: string(answers[i].Value)})
		response.Report.Age = max(response.Report.Age, began.Sub(answers[i].AskedAt))
	}
	return response, nil
}

// reading is what the vault holds at a moment.
type reading string

func (r reading) Size() int { return len(r) }

func (c *crowd) read(name string) reading {
	c.mu.Lock()
	c.reads[name] = append(c.reads[name], time.Now())
	c.mu.Unlock()
	time.Sleep(vaultLatency)
	return "1"
}

// counted gives how often each object was read since the last call of forgive.
func (c *crowd) counted() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for name, times := range c.reads {
		counts[name] = 0
		for _, at := range times {
			if !at.Before(c.since) {
				counts[name]++
			}
		}
	}
	return counts
}

func (c *crowd) forgive() { c.since, c.mounts = time.Now(), 0 }

func (c *crowd) mount(class, pod string) Volume {
	v := Volume{ID: pod, Target: "/" + pod, Class: class, Pod: secret.Pod{Namespace: "shop", Name: pod, UID: pod, ServiceAccount: "web"}}
	if err := c.Publish(c.t.Context(), v); err != nil {
		c.t.Fatal(err)
	}
	return v
}

// watch lets time pass and looks at every file of every volume once a second: none may be older than its interval and
// what a fetch takes.
func (c *crowd) watch(volumes []Volume, during time.Duration) {
	c.t.Helper()
	for range during / time.Second {
		time.Sleep(time.Second)
		for _, v := range volumes {
			interval, stated, err := secretsstore.RotationOf(c.classes[v.Class])
			if err != nil || !stated {
				interval = c.Interval
			}
			for name, asked := range c.holds(v) {
				if age := time.Since(asked); age > interval+500*time.Millisecond {
					c.t.Fatalf("%s of %s is %s old", name, v.ID, age)
				}
			}
		}
	}
}

// holds says when the vault was asked for each of a volume's files.
func (c *crowd) holds(v Volume) map[string]time.Time {
	files, err := c.Volumes.Read(v.Target)
	if err != nil || len(files) == 0 {
		c.t.Fatalf("%d files, %v", len(files), err)
	}
	asked := map[string]time.Time{}
	for _, file := range files {
		if asked[file.Path], err = time.Parse(time.RFC3339Nano, string(file.Contents.Reveal())); err != nil {
			c.t.Fatal(err)
		}
	}
	return asked
}

// crowded runs a test with the timer running.
func crowded(t *testing.T, classes map[string]map[string]string, test func(c *crowd)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, classes)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		defer func() {
			stop()
			<-ended
		}()
		test(c)
	})
}

func names(prefix string, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s%d", prefix, i))
	}
	return strings.Join(list, " ")
}

// Sixty pods come over 15 seconds, each of which must find what is true when it comes; from then on they cost together
// what one of them would.
func TestVolumesOfOnePrincipalConvergeOnOneFetchPerInterval(t *testing.T) {
	crowded(t, map[string]map[string]string{"web": {"objects": names("o", 10)}}, func(c *crowd) {
		var volumes []Volume
		for i := range 60 {
			volumes = append(volumes, c.mount("web", fmt.Sprint("web-", i)))
			time.Sleep(250*time.Millisecond - time.Duration(time.Now().UnixNano())%(250*time.Millisecond))
		}
		c.forgive()
		c.watch(volumes, 200*time.Second)
		for name, n := range c.counted() {
			if n != 1 {
				t.Errorf("%s was read %d times in the first 200 s, want 1", name, n)
			}
		}
		c.forgive()
		c.watch(volumes, 10*2*time.Minute)
		for name, n := range c.counted() {
			if n != 10 {
				t.Errorf("%s was read %d times in 10 intervals", name, n)
			}
		}
		if c.mounts != 60*10 {
			t.Errorf("60 volumes asked the provider %d times in 10 intervals: once each is enough", c.mounts)
		}
	})
}

// Two classes share some objects, with intervals of their own, and pods of both come and go: each object is read once
// per interval of whoever wants it most often, and once more for a pod that comes.
func TestTheShortestIntervalOfAnObjectWins(t *testing.T) {
	classes := map[string]map[string]string{
		"often":  {"objects": "both only-often", secretsstore.ParamRotation: "30s"},
		"seldom": {"objects": "both only-seldom"},
	}
	crowded(t, classes, func(c *crowd) {
		var volumes []Volume
		for i := range 10 {
			volumes = append(volumes, c.mount("often", fmt.Sprint("often-", i)), c.mount("seldom", fmt.Sprint("seldom-", i)))
			time.Sleep(rand.N(10 * time.Second))
		}
		c.watch(volumes, 4*time.Minute)
		c.forgive()
		c.watch(volumes, 20*time.Minute)
		got := c.counted()
		for name, most := range map[string]int{"both": 41, "only-often": 41, "only-seldom": 11} {
			if got[name] > most || got[name] < most-2 {
				t.Errorf("%s was read %d times in 20 minutes, want about %d", name, got[name], most-1)
			}
		}
	})
}

// A refresh of a class costs each of its objects one request, however many volumes hold it, and nothing that was asked
// for before the request will do.
func TestARefreshOfAClassCostsOneReadPerObject(t *testing.T) {
	crowded(t, map[string]map[string]string{"web": {"objects": names("o", 10)}}, func(c *crowd) {
		var volumes []Volume
		for i := range 60 {
			volumes = append(volumes, c.mount("web", fmt.Sprint("web-", i)))
		}
		time.Sleep(30 * time.Second)
		c.forgive()
		c.Refresh("shop", "web")
		time.Sleep(2 * time.Second)
		for name, n := range c.counted() {
			if n != 1 {
				t.Errorf("%s was read %d times", name, n)
			}
		}
		for _, v := range volumes {
			for name, asked := range c.holds(v) {
				if asked.Before(c.since.Round(0)) {
					t.Errorf("%s of %s was asked for %s before the refresh", name, v.ID, c.since.Sub(asked))
				}
			}
		}
	})
}

// Kubelet, timer and people get at the same volumes at the same moments: nobody waits for ever, nothing is lost, and a
// republish is never an error.
func TestEverybodyAtOnce(t *testing.T) {
	crowded(t, map[string]map[string]string{"web": {"objects": names("o", 3), secretsstore.ParamRotation: "5s"}}, func(c *crowd) {
		var volumes []Volume
		for i := range 20 {
			volumes = append(volumes, c.mount("web", fmt.Sprint("web-", i)))
		}
		end := time.Now().Add(5 * time.Minute)
		var group errgroup.Group
		during := func(pause time.Duration, act func() error) {
			group.Go(func() error {
				for time.Now().Before(end) {
					time.Sleep(rand.N(pause))
					if err := act(); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for i, v := range volumes {
			during(4*time.Second, func() error {
				v.Tokens = tokens(time.Now().Add(rand.N(time.Minute)), fmt.Sprint(i))
				return c.Publish(c.t.Context(), v)
			})
		}
		during(time.Second, func() error { c.Refresh("shop", "web"); return nil })
		during(time.Second, func() error { c.RefreshPod("web-3"); return nil })
		during(time.Second, func() error { c.ClassChanged("shop", "web"); return nil })
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		for _, v := range volumes {
			group.Go(func() error { return c.Unpublish(c.t.Context(), v.ID, v.Target) })
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		if len(c.volumes) != 0 {
			t.Errorf("%d volumes are remembered", len(c.volumes))
		}
	})
}

// memory is targets that are no directories, for tests of thousands of publishes.
type memory struct {
	mu   sync.Mutex
	sets map[string][]secret.File
}

func (m *memory) Inspect(target string) (volume.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	files, there := m.sets[target]
	return volume.State{Exists: there, Mounted: there, Complete: files != nil}, nil
}

func (m *memory) Ensure(target string) (volume.State, error) { return m.Inspect(target) }

func (m *memory) Write(target string, files []secret.File, _ *int) (volume.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sets[target] = files
	return volume.Change{Changed: true}, nil
}

func (m *memory) Remove(target string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sets, target)
	return nil
}

func (m *memory) Read(target string) ([]secret.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sets[target], nil
}

func (m *memory) Names(target string) (names []string, _ error) {
	files, err := m.Read(target)
	for _, file := range files {
		names = append(names, file.Path)
	}
	return names, err
}
