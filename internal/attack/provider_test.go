package attack

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	gstatus "google.golang.org/grpc/status"

	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// stranger is somebody else's provider.
type stranger func(context.Context, provider.Request) (provider.Response, error)

// Mount implements provider.Provider.
func (s stranger) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	return s(ctx, req)
}

func giving(files ...secret.File) stranger {
	return func(context.Context, provider.Request) (provider.Response, error) {
		return provider.Response{Files: files, Versions: []secret.Version{{ID: "secret/a", Version: "1"}}}, nil
	}
}

func file(path string) secret.File {
	return secret.File{Path: path, Mode: 0o644, Contents: secret.NewValue([]byte("hostile"))}
}

// A provider may answer what it likes: nothing of it leaves the target, and what was mounted stays whole.
func TestAStrangersAnswerHarmsNobody(t *testing.T) {
	t.Parallel()
	good := giving(secret.File{Path: "a", Mode: 0o600, Contents: secret.NewValue([]byte("good"))})
	flooding := make([]secret.File, 10_000)
	for i := range flooding {
		flooding[i] = file("../" + string(rune('a'+i%26)))
	}
	for name, hostile := range map[string]stranger{
		"a path that climbs":      giving(file("../../x")),
		"a path that is climbing": giving(file("a/../../x")),
		"an absolute path":        giving(file("/tmp/x")),
		"..data":                  giving(file("..data")),
		"below ..data":            giving(file("..data/a")),
		"..data_tmp":              giving(file("..data_tmp")),
		"a stamped directory":     giving(file("..2030_01_02_03_04_05.x/a")),
		"a file and its folder":   giving(file("a"), file("a/b")),
		"no path":                 giving(file("")),
		"a NUL":                   giving(file("a\x00b")),
		"4097 bytes":              giving(file(strings.Repeat("a/", 2048) + "b")),
		"one good and one bad":    giving(file("a"), file("b"), file("../x")),
		"10,000 bad paths":        giving(flooding...),
		"5 MiB":                   giving(secret.File{Path: "a", Contents: secret.NewValue(make([]byte, 5<<20))}),
		"an error of 1 MiB": func(context.Context, provider.Request) (provider.Response, error) {
			return provider.Response{}, fmt.Errorf("%s", strings.Repeat("e\n", 1<<19))
		},
		"a panic": func(context.Context, provider.Request) (provider.Response, error) { panic("planted") },
		"no versions": func(context.Context, provider.Request) (provider.Response, error) {
			return provider.Response{Files: []secret.File{file("a")}}, nil
		},
		"success without a thing": func(context.Context, provider.Request) (provider.Response, error) { return provider.Response{}, nil },
		"a hang": func(ctx context.Context, _ provider.Request) (provider.Response, error) {
			<-ctx.Done()
			return provider.Response{}, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Pointer[stranger]
			now.Store(&good)
			n := newNode(t, func(s *settings) {
				s.server.MaxAnswer, s.server.Drain = 64<<20, time.Millisecond
				if name == "a hang" {
					s.dir.Timeout = time.Second
				}
				s.provider = stranger(func(ctx context.Context, r provider.Request) (provider.Response, error) {
					return (*now.Load())(ctx, r)
				})
			})
			mounted := n.pod(map[string]string{"x": "y"})
			mounted.mustMount()
			now.Store(&hostile)
			p := n.pod(map[string]string{"x": "y"})
			err := p.mount()
			said := p.refused(err, codes.InvalidArgument, codes.Unavailable, codes.Internal)
			if len(said) > 64<<10 || strings.ContainsAny(said, "\n\x00") {
				t.Errorf("%d bytes said: %.200q", len(said), said)
			}
			if err := mounted.mount(); err != nil || mounted.last().Err == nil {
				t.Errorf("republish: %v, told %v", err, mounted.last().Err)
			}
			if files := mounted.files(); !maps.Equal(files, map[string]string{"a": "good"}) {
				t.Errorf("mounted: %v", files)
			}
			if size := len(n.log.String()); size > 256<<10 {
				t.Errorf("%d bytes logged", size)
			}
			n.onlyTargets()
		})
	}
}

// The same path twice is no attack: upstream's driver writes such a file as it came last, and so pods get it here.
func TestOfAStrangersSamePathTwiceTheLastCounts(t *testing.T) {
	t.Parallel()
	earlier := secret.File{Path: "a", Mode: 0o777, Contents: secret.NewValue([]byte("earlier"))}
	n := newNode(t, func(s *settings) { s.provider = giving(earlier, file("b"), file("a")) })
	p := n.pod(map[string]string{"x": "y"})
	p.mustMount()
	if files := p.files(); !maps.Equal(files, map[string]string{"a": "hostile", "b": "hostile"}) {
		t.Errorf("mounted: %v", files)
	}
	n.onlyTargets()
}

// onlyTargets checks that nothing stands in the volumes' root that is not a volume.
func (n *node) onlyTargets() {
	n.t.Helper()
	err := filepath.WalkDir(n.root, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(n.root, path)
		if depth := strings.Count(rel, string(filepath.Separator)); err == nil && depth < 2 && !e.IsDir() {
			n.t.Errorf("stray: %s", rel)
		}
		return err
	})
	if err != nil {
		n.t.Error(err)
	}
}

// Whatever else a stranger sets, a file gets permission bits alone.
func TestAStrangersModeIsPermissionsOnly(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(s *settings) {
		s.provider = giving(secret.File{Path: "a", Mode: 0o777 | fs.ModeSetuid | fs.ModeDevice, Contents: secret.NewValue(nil)})
	})
	p := n.pod(map[string]string{"x": "y"})
	p.mustMount()
	info, err := os.Stat(filepath.Join(p.target, "a"))
	if err != nil || info.Mode() != 0o777 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A provider that lies about the age of its content must not talk the driver out of asking again.
func TestAStrangersReportDecidesNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	n := newNode(t, func(s *settings) {
		s.publish.Interval = time.Nanosecond
		s.provider = stranger(func(ctx context.Context, r provider.Request) (provider.Response, error) {
			asked.Add(1)
			answer, err := giving(file("a"))(ctx, r)
			answer.Report.Age = -1 << 62
			answer.Report.Objects = []provider.Outcome{{Object: "x", State: "hostile\n", Age: -1}}
			return answer, err
		})
	})
	p := n.pod(map[string]string{"x": "y"})
	p.mustMount()
	p.mustMount()
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
	if age := p.last().Age; age < 0 {
		t.Errorf("age %v", age)
	}
}

// An object that may be missing and is missing is no file: on a first mount there is nothing to write, and one that went
// away goes away from the volume.
func TestAVolumeOfNothingButMissingOptionalObjectsIsEmpty(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	class := parameters(secrets(`a,optional: "true"`))
	mounted := n.pod(class)
	mounted.mustMount()
	n.azure.on(only("secrets", status(404)))
	if err := mounted.mount(); err != nil || mounted.last().Err != nil {
		t.Errorf("republish: %v, told %v", err, mounted.last().Err)
	}
	if files := mounted.files(); len(files) != 0 {
		t.Errorf("what was deleted is still there: %v", files)
	}
	first := n.pod(class)
	if err := first.mount(); err != nil {
		t.Error(err)
	}
	if files := first.files(); len(files) != 0 {
		t.Errorf("files: %v", files)
	}
	n.azure.on(nil)
	first.mustMount()
	if len(first.files()) != 1 {
		t.Errorf("files: %v", first.files())
	}
}

func TestTwoPublishesOfOneVolumeNeverMix(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	entered := make(chan struct{}, 2)
	n := newNode(t, func(s *settings) {
		s.provider = stranger(func(ctx context.Context, r provider.Request) (provider.Response, error) {
			entered <- struct{}{}
			<-gate
			return giving(file("a"))(ctx, r)
		})
	})
	p := n.pod(map[string]string{"x": "y"})
	done := make(chan error, 1)
	go func() { done <- p.mount() }()
	<-entered
	if err := p.mount(); gstatus.Code(err) != codes.Aborted {
		t.Errorf("the second: %v", err)
	}
	close(gate)
	must(t, <-done)
	if len(p.files()) != 1 {
		t.Error(p.files())
	}
}
