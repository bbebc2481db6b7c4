package socket_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
	"strongroom/internal/secret"
)

func TestSomebodyElsesDriverMounts(t *testing.T) {
	t.Parallel()
	var asked provider.Request
	path := serve(t, socket.ServerConfig{Provider: providerFunc(func(_ context.Context, req provider.Request) (provider.Response, error) {
		asked = req
		return provider.Response{
			Files:    []secret.File{{Path: "b/1", Mode: 0, Contents: secret.NewValue([]byte("one"))}, {Path: "a", Mode: 0o400}},
			Versions: []secret.Version{{ID: "secret/b", Version: "v2"}, {ID: "secret/a", Version: "v1"}},
		}, nil
	})})
	client, _ := upstream(t, path)
	in := mountRequest()
	in.Secrets = `{"clientid":"id","clientsecret":"hush"}`
	in.CurrentObjectVersion = []*api.ObjectVersion{{Id: "secret/b", Version: "v1"}}
	out, err := client.Mount(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	if asked.Attributes["keyvaultName"] != "kv" || asked.Target != in.TargetPath || asked.Mode != 0o644 || asked.Freshness.Stated() {
		t.Errorf("the provider was asked %+v", asked)
	}
	if got := string(asked.Secrets["clientsecret"].Reveal()); got != "hush" {
		t.Errorf("the secret arrived as %q", got)
	}
	if diff := cmp.Diff([]secret.Version{{ID: "secret/b", Version: "v1"}}, asked.Current); diff != "" {
		t.Error(diff)
	}
	if out.Files[0].Path != "b/1" || out.Files[0].Mode != 0 || string(out.Files[0].Contents) != "one" || out.Files[1].Mode != 0o400 {
		t.Errorf("files: %v", out.Files)
	}
	if out.ObjectVersion[0].Id != "secret/b" || out.ObjectVersion[1].Id != "secret/a" {
		t.Errorf("versions lost their order: %v", out.ObjectVersion)
	}
}

func TestVersionAndHealth(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile("x")), Version: "1.2.3"})
	client, cc := upstream(t, path)
	version, err := client.Version(t.Context(), &api.VersionRequest{Version: "v1alpha1"})
	if err != nil {
		t.Fatal(err)
	}
	if version.Version != "v1alpha1" || version.RuntimeName != "secrets-store-csi-driver-provider-azure" || version.RuntimeVersion != "1.2.3" {
		t.Errorf("version: %v", version)
	}
	health, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || health.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	if err := socket.Probe(t.Context(), path); err != nil {
		t.Error(err)
	}
	if err := socket.Probe(t.Context(), path+".gone"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("probe of no socket: %v, want Unavailable", err)
	}
}

func TestFailuresSayTheirKindToWhoeverUnderstands(t *testing.T) {
	t.Parallel()
	denied := fault.New(fault.Denied, "secret/db", "may not be read").Mend("az role assignment create")
	throttled := fault.New(fault.Throttled, "vault kv", "asked too much")
	throttled.RetryAfter = 1500 * time.Millisecond
	tests := map[string]struct {
		err  error
		code codes.Code
		text string
		md   map[string]string
	}{
		"denied": {denied, codes.PermissionDenied, "failed to mount objects, error: secret/db: may not be read; to mend: az role assignment create",
			map[string]string{"strongroom-kind": "denied", "strongroom-retry-after-ms": "", "grpc-retry-pushback-ms": "-1"}},
		"throttled": {throttled, codes.ResourceExhausted, "failed to mount objects, error: vault kv: asked too much",
			map[string]string{"strongroom-kind": "throttled", "strongroom-retry-after-ms": "1500"}},
		"several": {fault.List{throttled, denied}.AsError(), codes.PermissionDenied, "failed to mount objects, error: several problems: vault kv",
			map[string]string{"strongroom-kind": "denied", "strongroom-retry-after-ms": "1500"}},
		"unclassified": {errors.New("two\nlines"), codes.Internal, "failed to mount objects, error: two lines", map[string]string{"strongroom-kind": "internal"}},
		"deadline":     {context.DeadlineExceeded, codes.Unavailable, "failed to mount objects, error: ", map[string]string{"strongroom-kind": "unavailable"}},
		"unsupported":  {fault.New(fault.Unsupported, "", "not here"), codes.FailedPrecondition, "not here", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := serve(t, socket.ServerConfig{Provider: providerFunc(func(context.Context, provider.Request) (provider.Response, error) {
				return provider.Response{}, test.err
			})})
			client, _ := upstream(t, path)
			var trailer metadata.MD
			_, err := client.Mount(t.Context(), mountRequest(), grpc.Trailer(&trailer))
			if status.Code(err) != test.code || !strings.Contains(status.Convert(err).Message(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.code, test.text)
			}
			for key, want := range test.md {
				if got := strings.Join(trailer.Get(key), ","); got != want {
					t.Errorf("trailer %s is %q, want %q", key, got, want)
				}
			}
		})
	}
}

func TestLongErrorsKeepTheirBeginningAndTheirRemedy(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: providerFunc(func(context.Context, provider.Request) (provider.Response, error) {
		return provider.Response{}, fault.New(fault.NotFound, "secret/a", "%s", strings.Repeat("ä", 50_000)).Mend("the remedy")
	})})
	client, _ := upstream(t, path)
	_, err := client.Mount(t.Context(), mountRequest())
	text := status.Convert(err).Message()
	if len(text) > 7<<10 || !strings.HasPrefix(text, "failed to mount objects, error: secret/a") || !strings.HasSuffix(text, "the remedy") {
		t.Errorf("%d bytes: %.80s ... %s", len(text), text, text[len(text)-80:])
	}
}

func TestReportFitsEveryClientsMetadata(t *testing.T) {
	t.Parallel()
	resp := oneFile("x")
	for range 500 {
		resp.Report.Objects = append(resp.Report.Objects, provider.Outcome{Object: "secret/with-some-name", State: provider.Fresh, Version: "0123456789abcdef"})
	}
	resp.Report.Objects = append(resp.Report.Objects, provider.Outcome{Object: "secret/optional", State: provider.Missing})
	resp.Report.Vault = "https://kv.vault.azure.net"
	path := serve(t, socket.ServerConfig{Provider: answering(resp)})
	client, _ := upstream(t, path)
	var trailer metadata.MD
	if _, err := client.Mount(t.Context(), mountRequest(), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(trailer.Get("strongroom-report-bin"), "")
	var got provider.Report
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(text) > 4<<10 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if got.Vault != resp.Report.Vault || len(got.Objects) != 1 || got.Objects[0].Object != "secret/optional" {
		t.Errorf("what was worth telling is lost: %+v", got)
	}
}

func TestAnswersTooLargeForTheDriverAreNotSent(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile(strings.Repeat("x", 5<<20)))})
	client, _ := upstream(t, path)
	_, err := client.Mount(t.Context(), mountRequest())
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "--max-call-recv-msg-size") {
		t.Errorf("got %v, want InvalidArgument naming the flag", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "strongroom-max-recv-bytes", "8000000")
	if _, err := client.Mount(ctx, mountRequest(), grpc.MaxCallRecvMsgSize(8_000_000)); err != nil {
		t.Errorf("a driver that takes more: %v", err)
	}
}
