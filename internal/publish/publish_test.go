package publish

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// world is a publisher over real directories, with a provider and classes that a test turns by hand.
type world struct {
	*Publisher
	t       *testing.T
	clock   *clock.Fake
	class   secretsstore.Class
	seen    map[string]time.Time
	records []Record

	forgotten []string

	answer provider.Response
	err    error
	slow   time.Duration // how long it takes to find the provider
	asked  []provider.Request
	hangs  bool // a provider that answers only when it is told to stop

	meanwhile func() // happens once, while the provider is asked

	mu sync.Mutex // the timer asks and records from goroutines of its own
}

func newWorld(t *testing.T, mutate ...func(*Config)) *world {
	w := &world{t: t, clock: clock.NewFake(), seen: map[string]time.Time{}}
	w.class.Spec = secretsstore.Spec{Provider: "azure", Parameters: map[string]string{"keyvaultName": "kv"}}
	w.answer = provider.Response{
		Files:    []secret.File{{Path: "a", Mode: 0o644, Contents: secret.NewValue([]byte("one"))}},
		Versions: []secret.Version{{ID: "secret/a", Version: "1"}},
	}
	config := Config{
		Classes: w, Providers: w, Volumes: volume.New(volume.Config{Mount: volume.Plain, Clock: w.clock}),
		Clock: w.clock, Sightings: w, Recorder: w, Interval: 2 * time.Minute,
	}
	for _, m := range mutate {
		m(&config)
	}
	w.Publisher = New(config)
	return w
}

func (w *world) Class(_ context.Context, namespace, name string) (secretsstore.Class, error) {
	if namespace != "shop" || name != "web" {
		return secretsstore.Class{}, fault.New(fault.NotFound, "", "%q not found", name)
	}
	return w.class, nil
}
func (w *world) Provider(string) (provider.Provider, error) {
	w.clock.Advance(w.slow)
	return w, nil
}
func (w *world) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, req)
	hangs, answer, err, meanwhile := w.hangs, w.answer, w.err, w.meanwhile
	w.meanwhile = nil
	w.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	if hangs {
		<-ctx.Done()
		return provider.Response{}, fault.Wrap(ctx.Err(), fault.Unavailable, "provider", "has not answered in time")
	}
	return answer, err
}
func (w *world) FirstSeen(pod secret.Pod) (time.Time, bool) {
	at, ok := w.seen[pod.Name]
	return at, ok
}
func (w *world) Published(r Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
}
func (w *world) Unpublished(string, error) {}
func (w *world) Forgotten(target string)   { w.forgotten = append(w.forgotten, target) }

func (w *world) volume() Volume {
	return Volume{
		ID: "v1", Target: filepath.Join(w.t.TempDir(), "mount"), Class: "web",
		Pod: secret.Pod{Namespace: "shop", Name: "web-1", UID: "u", ServiceAccount: "web"},
	}
}

func (w *world) must(v Volume) Record {
	w.t.Helper()
	if err := w.Publish(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
	return w.records[len(w.records)-1]
}

func read(t *testing.T, v Volume, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(v.Target, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFirstMountWritesAndARepublishWaitsForItsInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	if r := w.must(v); !r.First || !r.Change.Changed || read(t, v, "a") != "one" {
		t.Fatalf("first mount: %+v", r)
	}
	w.clock.Advance(time.Minute)
	if r := w.must(v); !r.Skipped || len(w.asked) != 1 || r.Age != time.Minute {
		t.Fatalf("fetched before the interval: %+v", r)
	}
	w.clock.Advance(time.Minute)
	w.answer.Files[0].Contents = secret.NewValue([]byte("two"))
	if r := w.must(v); r.Skipped || !r.Change.Changed || read(t, v, "a") != "two" {
		t.Fatalf("not rotated: %+v", r)
	}
}

func TestASharedAnswersAgeCountsTowardsTheInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.answer.Report.Age = 90 * time.Second // fetched for somebody else a while ago
	w.must(v)
	w.clock.Advance(30 * time.Second)
	if r := w.must(v); r.Skipped {
		t.Error("content of two minutes' age was not due")
	}
}

func TestAnEditedClassIsDueAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	w.class.Spec.Parameters = map[string]string{"keyvaultName": "other"}
	if r := w.must(v); r.Skipped || len(w.asked) != 2 {
		t.Errorf("the edit waited: %+v", r)
	}
}

func TestAnUnmountedTargetIsNeverSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	if err := os.RemoveAll(v.Target); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(v.Target, 0o750); err != nil {
		t.Fatal(err)
	}
	if r := w.must(v); !r.First || read(t, v, "a") != "one" {
		t.Errorf("an empty directory was taken for a mounted volume: %+v", r)
	}
}

func TestAFailedFirstMountLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.err = fault.New(fault.Denied, "secret/a", "no")
	v := w.volume()
	err := w.Publish(t.Context(), v)
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "failed to mount secrets store objects for pod shop/web-1, err: secret/a: no") {
		t.Errorf("error: %v", err)
	}
	if _, err := os.Lstat(v.Target); !os.IsNotExist(err) {
		t.Errorf("the target is still there: %v", err)
	}
	if r := w.records[0]; r.Err == nil || r.Failing.IsZero() {
		t.Errorf("the failure was not recorded: %+v", r)
	}
}

func TestAFailedRepublishKeepsTheFilesAndIsVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	failedAt := w.clock.Now().Add(3 * time.Minute)
	w.clock.Advance(3 * time.Minute)
	w.err = fault.New(fault.Unavailable, "vault", "down")
	for range 2 {
		r := w.must(v)
		if r.Err == nil || !r.Failing.Equal(failedAt) || read(t, v, "a") != "one" {
			t.Fatalf("record: %+v", r)
		}
		w.clock.Advance(time.Minute)
	}
	if r := w.records[len(w.records)-1]; r.Age != 4*time.Minute {
		t.Errorf("age of what is served: %s", r.Age)
	}
	w.err = nil
	if r := w.must(v); !r.Recovered || !r.Failing.IsZero() {
		t.Errorf("recovery was not recorded: %+v", r)
	}
}

func TestSuccessNeedsContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer.Files = nil // a provider that says it wrote the files itself, and did not
	if err := w.Publish(t.Context(), w.volume()); fault.KindOf(err) != fault.Unavailable || err == nil {
		t.Errorf("got %v", err)
	}
}

func TestFreshnessIsCausal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seenAgo time.Duration // 0: no pod event came
		want    time.Duration
	}{
		"no event":      {0, 0},
		"seen 5 s ago":  {5 * time.Second, 5 * time.Second},
		"seen long ago": {time.Hour, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.seenAgo > 0 {
				w.seen["web-1"] = w.clock.Now().Add(-test.seenAgo)
			}
			w.must(w.volume())
			if got := w.clock.Now().Sub(w.asked[0].Freshness.NotBefore); got != test.want {
				t.Errorf("may share what is %s old, want %s", got, test.want)
			}
		})
	}
}

func TestARetryRemembersWhenThePodWasFirstSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.err = fault.New(fault.Unavailable, "vault", "down")
	_ = w.Publish(t.Context(), v)
	w.clock.Advance(10 * time.Second)
	w.err = nil
	w.must(v)
	if got := w.clock.Now().Sub(w.asked[1].Freshness.NotBefore); got != 10*time.Second {
		t.Errorf("the retry may share what is %s old, want 10s", got)
	}
}

func TestAttributesOverrideParametersUnlessForbidden(t *testing.T) {
	t.Parallel()
	override := map[string]string{"keyvaultName": "mine", secretsstore.AttrServiceAccountToken: "forged"}
	w := newWorld(t)
	v := w.volume()
	v.Attributes = override
	w.must(v)
	if got := w.asked[0].Attributes; got["keyvaultName"] != "mine" || got[secretsstore.AttrServiceAccountToken] != "" {
		t.Errorf("attributes: %v", got)
	}
	strict := newWorld(t, func(c *Config) { c.ForbidOverride = true })
	v = strict.volume()
	v.Attributes = override
	if err := strict.Publish(t.Context(), v); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "keyvaultName") {
		t.Errorf("got %v", err)
	}
}

// What only the kubelet may state is taken from nobody else, in whatever case it is written.
func TestTheKubeletsWordIsNobodyElses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.class.Spec.Parameters[secretsstore.AttrPodNamespace] = "kube-system"
	w.class.Spec.Parameters["CSI.Storage.K8s.io/serviceAccount.tokens"] = "forged"
	v.Attributes = map[string]string{
		"csi.storage.k8s.io/SERVICEACCOUNT.TOKENS": "forged", secretsstore.AttrPodNamespace: "default",
		"csi.storage.\u212a8s.io/pod.namespace": "forged", "c\u017fi.\u017ftorage.k8s.io/pod.name": "forged", " csi.storage.k8s.io/pod.uid": "forged",
	}
	w.must(v)
	for key, value := range w.asked[0].Attributes {
		if value == "forged" || value == "kube-system" || value == "default" {
			t.Errorf("%s: %s reached the provider", key, value)
		}
	}
}

func TestClassErrorsKeepTheWordsThatAlertsMatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mutate func(*world, *Volume)
		kind   fault.Kind
		want   string
	}{
		"no class named": {func(_ *world, v *Volume) { v.Class = "" }, fault.Invalid, "secretProviderClass is not set"},
		"unknown class":  {func(_ *world, v *Volume) { v.Class = "nope" }, fault.NotFound, "failed to get secretproviderclass shop/nope, error: "},
		"no provider":    {func(w *world, _ *Volume) { w.class.Spec.Provider = "" }, fault.Invalid, "provider not set in shop/web"},
		"no parameters":  {func(w *world, _ *Volume) { w.class.Spec.Parameters = nil }, fault.Invalid, "parameters not set in shop/web"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.volume()
			test.mutate(w, &v)
			err := w.Publish(t.Context(), v)
			if fault.KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnpublishIsIdempotentAndForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	for range 2 {
		if err := w.Unpublish(t.Context(), v.ID, v.Target); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.volumes) != 0 {
		t.Error("the volume is still remembered")
	}
	if r := w.must(v); !r.First {
		t.Error("a new volume at the same target was taken for the old one")
	}
}

func TestOneOperationPerVolumeAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	claimed, err := w.claim(v.Target)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Publish(t.Context(), v); fault.KindOf(err) != fault.Busy {
		t.Errorf("publish: %v", err)
	}
	if err := w.Unpublish(t.Context(), v.ID, v.Target); fault.KindOf(err) != fault.Busy {
		t.Errorf("unpublish: %v", err)
	}
	w.release(claimed)
	w.must(v)
}
