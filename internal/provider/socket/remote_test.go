package socket_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
	"strongroom/internal/secret"
)

func TestBothEndsCarryEverythingAcross(t *testing.T) {
	t.Parallel()
	sent := provider.Request{
		Attributes: map[string]string{"keyvaultName": "kv", "objects": "array:\n  - |\n    objectName: <a&b>\n"},
		Secrets:    map[string]secret.Value{"clientsecret": secret.NewValue([]byte("hush"))},
		Target:     "/mnt/x",
		Mode:       0o440,
		Current:    []secret.Version{{ID: "secret/a", Version: "1"}},
		Freshness:  provider.Freshness{NotBefore: time.Now().Add(-1500 * time.Millisecond)},
	}
	back := provider.Response{
		Files:    []secret.File{{Path: "a", Mode: 0, Contents: secret.NewValue([]byte{0, 255})}, {Path: "b", Mode: 0o777}},
		Versions: []secret.Version{{ID: "secret/a", Version: "2"}, {ID: "secret/a/0", Version: "1"}},
		Report: provider.Report{Identity: "workload-identity", Vault: "https://kv", Age: time.Second, Calls: provider.Calls{Vault: 2},
			Objects: []provider.Outcome{{Object: "secret/a", State: provider.Stale, Age: time.Hour}}},
	}
	var arrived provider.Request
	path := serve(t, socket.ServerConfig{Provider: providerFunc(func(_ context.Context, req provider.Request) (provider.Response, error) {
		arrived = req
		return back, nil
	})})
	got, err := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}}).Mount(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	equalValues := cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b) })
	if diff := cmp.Diff(back, got, equalValues); diff != "" {
		t.Errorf("answer:\n%s", diff)
	}
	// the time underway is no part of it; what is lost is the moment between reading two clocks
	if off := arrived.Freshness.NotBefore.Sub(sent.Freshness.NotBefore).Abs(); off > 100*time.Millisecond {
		t.Errorf("the moment arrived %s off", off)
	}
	arrived.Freshness = sent.Freshness
	if diff := cmp.Diff(sent, arrived, equalValues); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
}

func TestErrorsKeepKindReportAndPatience(t *testing.T) {
	t.Parallel()
	cause := fault.New(fault.Throttled, "vault kv", "asked too much").Mend("wait")
	cause.RetryAfter = 7 * time.Second
	path := serve(t, socket.ServerConfig{Provider: providerFunc(func(context.Context, provider.Request) (provider.Response, error) {
		return provider.Response{Report: provider.Report{Vault: "https://kv"}}, cause
	})})
	resp, err := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}}).Mount(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Throttled || fault.RetryAfterOf(err) != 7*time.Second || resp.Report.Vault != "https://kv" {
		t.Errorf("got %v, %v, %+v", fault.KindOf(err), fault.RetryAfterOf(err), resp.Report)
	}
	if want := `provider "azure": failed to mount objects, error: vault kv: asked too much; to mend: wait`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// TestThirdParties holds what providers of others may answer against what becomes of it.
func TestNoFilesAreAnAnswerOfOursButNotOfAThirdPartys(t *testing.T) {
	t.Parallel()
	versions := []secret.Version{{ID: "secret/optional"}}
	path := serve(t, socket.ServerConfig{Provider: answering(provider.Response{Files: []secret.File{}, Versions: versions})})
	resp, err := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}}).Mount(t.Context(), provider.Request{})
	if err != nil || resp.Files == nil || len(resp.Files) != 0 {
		t.Errorf("ours: %v, %v", resp.Files, err)
	}
	dir, _ := thirdParty{mount: func(context.Context, *api.MountRequest) (*api.MountResponse, error) {
		return &api.MountResponse{ObjectVersion: []*api.ObjectVersion{{Id: "secret/a", Version: "1"}}}, nil
	}}.serve(t, "other")
	resp, err = named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), provider.Request{})
	if err != nil || resp.Files != nil {
		t.Errorf("a third party's: %v, %v", resp.Files, err)
	}
}

// What a provider of upstream's driver sends twice, that driver writes once, as it came last.
func TestOfTwoFilesOfOnePathTheLastCounts(t *testing.T) {
	t.Parallel()
	dir, _ := thirdParty{mount: func(context.Context, *api.MountRequest) (*api.MountResponse, error) {
		return &api.MountResponse{
			ObjectVersion: []*api.ObjectVersion{{Id: "secret/a", Version: "1"}},
			Files: []*api.File{
				{Path: "a", Mode: 0o600, Contents: []byte("first")}, {Path: "b"}, {Path: "a", Mode: 0o640, Contents: []byte("last")},
			},
		}, nil
	}}.serve(t, "other")
	resp, err := named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), provider.Request{})
	if err != nil || len(resp.Files) != 2 {
		t.Fatalf("%v, %v", resp.Files, err)
	}
	if f := resp.Files[0]; f.Path != "a" || f.Mode != 0o640 || string(f.Contents.Reveal()) != "last" {
		t.Errorf("%s has mode %o and %d bytes", f.Path, f.Mode, f.Contents.Len())
	}
}

func TestThirdParties(t *testing.T) {
	t.Parallel()
	versions := []*api.ObjectVersion{{Id: "secret/a", Version: "1"}}
	tests := map[string]struct {
		answer *api.MountResponse
		err    error
		kind   fault.Kind
		text   string // empty: success
	}{
		"files":                   {answer: &api.MountResponse{ObjectVersion: versions, Files: []*api.File{{Path: "a", Mode: 0o100644}}}},
		"wrote the files itself":  {answer: &api.MountResponse{ObjectVersion: versions}},
		"no versions":             {answer: &api.MountResponse{Files: []*api.File{{Path: "a"}}}, kind: fault.Unavailable, text: "missing object versions"},
		"nothing":                 {answer: &api.MountResponse{}, kind: fault.Unavailable, text: "missing object versions"},
		"an error code inside":    {answer: &api.MountResponse{ObjectVersion: versions, Error: &api.Error{Code: "VaultSealed"}}, kind: fault.Internal, text: "mount request failed with provider error code VaultSealed"},
		"an empty code inside":    {answer: &api.MountResponse{ObjectVersion: versions, Error: &api.Error{}}},
		"a plain error":           {err: fmt.Errorf("boom\nat line 2"), kind: fault.Internal, text: `provider "other": boom at line 2`},
		"a code":                  {err: status.Error(codes.NotFound, "no such thing"), kind: fault.NotFound, text: "no such thing"},
		"invalid":                 {err: status.Error(codes.InvalidArgument, "bad"), kind: fault.Invalid, text: "bad"},
		"denied":                  {err: status.Error(codes.Unauthenticated, "who"), kind: fault.Denied, text: "who"},
		"throttled":               {err: status.Error(codes.ResourceExhausted, "slow down"), kind: fault.Throttled, text: "slow down"},
		"unavailable":             {err: status.Error(codes.Unavailable, "later"), kind: fault.Unavailable, text: "later"},
		"its own deadline":        {err: status.Error(codes.DeadlineExceeded, "store is slow"), kind: fault.Unavailable, text: "store is slow"},
		"busy":                    {err: status.Error(codes.Aborted, "again"), kind: fault.Busy, text: "again"},
		"not for it":              {err: status.Error(codes.Unimplemented, "never"), kind: fault.Unsupported, text: "never"},
		"more than a driver asks": {answer: &api.MountResponse{ObjectVersion: versions, Files: []*api.File{{Path: "a", Contents: make([]byte, 5<<20)}}}, kind: fault.Invalid, text: "4194304 bytes the driver takes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := thirdParty{mount: func(context.Context, *api.MountRequest) (*api.MountResponse, error) { return test.answer, test.err }}.serve(t, "other")
			resp, err := named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), provider.Request{})
			if test.text == "" {
				if err != nil || len(resp.Versions) != 1 || len(resp.Files) != len(test.answer.Files) {
					t.Errorf("got %+v, %v", resp, err)
				}
				for _, f := range resp.Files {
					if f.Mode != 0o644 {
						t.Errorf("mode %o, want permission bits only", f.Mode)
					}
				}
				return
			}
			if fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v: %v, want %v: %s", fault.KindOf(err), err, test.kind, test.text)
			}
			if diff := cmp.Diff(provider.Report{}, resp.Report); diff != "" {
				t.Errorf("a report nobody sent: %s", diff)
			}
		})
	}
}

func TestThirdPartiesAreAskedAsTheyExpect(t *testing.T) {
	t.Parallel()
	var asked *api.MountRequest
	dir, _ := thirdParty{mount: func(_ context.Context, in *api.MountRequest) (*api.MountResponse, error) {
		asked = in
		return &api.MountResponse{ObjectVersion: []*api.ObjectVersion{{Id: "a"}}}, nil
	}}.serve(t, "other")
	req := provider.Request{Attributes: map[string]string{"b": "2", "a": "1"}, Target: "/t", Mode: 0o644}
	if _, err := named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if asked.Attributes != `{"a":"1","b":"2"}` || asked.Secrets != "null" || asked.Permission != "420" || asked.TargetPath != "/t" {
		t.Errorf("asked %v", asked)
	}
}

func TestManyObjectsAtOnceFromManyVolumes(t *testing.T) {
	t.Parallel()
	var resp provider.Response
	for i := range 500 {
		name := fmt.Sprintf("object-%03d", i)
		resp.Files = append(resp.Files, secret.File{Path: name, Mode: 0o644, Contents: secret.NewValue([]byte(name))})
		resp.Versions = append(resp.Versions, secret.Version{ID: "secret/" + name, Version: "1"})
	}
	path := serve(t, socket.ServerConfig{Provider: answering(resp), MaxMounts: 4})
	azure := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}})
	var volumes sync.WaitGroup
	for range 50 {
		volumes.Go(func() {
			got, err := azure.Mount(t.Context(), provider.Request{})
			if err != nil || len(got.Files) != 500 || got.Files[499].Path != "object-499" || got.Versions[7].ID != "secret/object-007" {
				t.Errorf("%d files, %v", len(got.Files), err)
			}
		})
	}
	volumes.Wait()
}

func TestDriversLimitIsTold(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile(strings.Repeat("x", 5<<20)))})
	cfg := socket.Config{Dirs: []string{filepath.Dir(path)}}
	_, err := named(t, "azure", cfg).Mount(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--max-call-recv-msg-size") {
		t.Errorf("got %v, want Invalid naming the flag", err)
	}
	cfg.MaxRecv = 6 << 20
	if _, err := named(t, "azure", cfg).Mount(t.Context(), provider.Request{}); err != nil {
		t.Errorf("with the limit raised: %v", err)
	}
}

func TestProviderThatHangs(t *testing.T) {
	t.Parallel()
	dir, _ := thirdParty{mount: func(ctx context.Context, _ *api.MountRequest) (*api.MountResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}.serve(t, "other")
	_, err := named(t, "other", socket.Config{Dirs: []string{dir}, Timeout: 50 * time.Millisecond}).Mount(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), filepath.Join(dir, "other.sock")) {
		t.Errorf("got %v, want Unavailable naming the socket", err)
	}
}

func TestProviderThatTakesConnectionsAndSaysNothing(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	lis, err := net.Listen("unix", filepath.Join(dir, "mute.sock")) // never accepted: the kernel holds the connection
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	_, err = named(t, "mute", socket.Config{Dirs: []string{dir}, Connect: 50 * time.Millisecond}).Mount(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "mute.sock") {
		t.Errorf("got %v, want Unavailable naming the socket", err)
	}
}

func TestProviderThatDiesMidAnswer(t *testing.T) {
	t.Parallel()
	var kill func()
	dir, server := thirdParty{mount: func(ctx context.Context, _ *api.MountRequest) (*api.MountResponse, error) {
		go kill()
		<-ctx.Done()
		return nil, ctx.Err()
	}}.serve(t, "other")
	kill = server.Stop
	_, err := named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), provider.Request{})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "other.sock") || len(fault.Remedies(err)) == 0 {
		t.Errorf("got %v, want Unavailable naming the socket and a remedy", err)
	}
}
