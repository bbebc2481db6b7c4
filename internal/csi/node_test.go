package csi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens"

// published sends one publish request and gives what reached the Publisher.
func published(t *testing.T, req *spec.NodePublishVolumeRequest) (got *publish.Volume, err error) {
	t.Helper()
	address := serve(t, csi.Server{Publisher: publisher{publish: func(_ context.Context, v publish.Volume) error {
		got = &v
		return nil
	}}})
	_, err = spec.NewNodeClient(dial(t, address)).NodePublishVolume(t.Context(), req)
	return got, err
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*spec.NodePublishVolumeRequest)
		want  string
	}{
		"no capability":   {func(r *spec.NodePublishVolumeRequest) { r.VolumeCapability = nil }, "Volume capability missing in request"},
		"no id":           {func(r *spec.NodePublishVolumeRequest) { r.VolumeId = "" }, "Volume ID missing in request"},
		"no target":       {func(r *spec.NodePublishVolumeRequest) { r.TargetPath = "" }, "Target path missing in request"},
		"relative target": {func(r *spec.NodePublishVolumeRequest) { r.TargetPath = "a/b" }, "not absolute"},
		"no context":      {func(r *spec.NodePublishVolumeRequest) { r.VolumeContext = nil }, "Volume attributes missing in request"},
		"writable":        {func(r *spec.NodePublishVolumeRequest) { r.Readonly = false }, "Readonly is not true in request"},
		"block": {func(r *spec.NodePublishVolumeRequest) {
			r.VolumeCapability.AccessType = &spec.VolumeCapability_Block{Block: &spec.VolumeCapability_BlockVolume{}}
		}, "block device"},
		"no class":      {func(r *spec.NodePublishVolumeRequest) { delete(r.VolumeContext, "secretProviderClass") }, "secretProviderClass is not set"},
		"blank class":   {func(r *spec.NodePublishVolumeRequest) { r.VolumeContext["secretProviderClass"] = " " }, "secretProviderClass is not set"},
		"group by name": {func(r *spec.NodePublishVolumeRequest) { r.VolumeCapability.GetMount().VolumeMountGroup = "wheel" }, "not a group id"},
		"group below 0": {func(r *spec.NodePublishVolumeRequest) { r.VolumeCapability.GetMount().VolumeMountGroup = "-1" }, "not a group id"},
	}
	// A pod's author can write any of the kubelet's keys; only all of them together are the kubelet's word.
	for key := range volumeContext() {
		if strings.HasPrefix(key, "csi.storage.k8s.io/") {
			cases["without "+key] = struct {
				spoil func(*spec.NodePublishVolumeRequest)
				want  string
			}{func(r *spec.NodePublishVolumeRequest) { delete(r.VolumeContext, key) }, "podInfoOnMount: true"}
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := publishRequest()
			c.spoil(req)
			got, err := published(t, req)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want InvalidArgument with %q", err, c.want)
			}
			if got != nil {
				t.Error("the publisher was called")
			}
		})
	}
}

func TestPublishParses(t *testing.T) {
	t.Parallel()
	group := 2000
	base := func() publish.Volume {
		return publish.Volume{
			ID:         "csi-1",
			Target:     target,
			Pod:        secret.Pod{Namespace: "shop", Name: "web-0", UID: "0b3c", ServiceAccount: "web"},
			Class:      "vault",
			Attributes: map[string]string{},
		}
	}
	cases := map[string]struct {
		change func(*spec.NodePublishVolumeRequest)
		want   func(*publish.Volume)
	}{
		"as it is": {func(*spec.NodePublishVolumeRequest) {}, func(*publish.Volume) {}},
		"attributes": {
			func(r *spec.NodePublishVolumeRequest) {
				r.VolumeContext["providerName"] = "azure"
				r.VolumeContext["clientID"] = "c"
			},
			func(v *publish.Volume) { v.Attributes = map[string]string{"providerName": "azure", "clientID": "c"} },
		},
		"forged attributes": {
			func(r *spec.NodePublishVolumeRequest) {
				r.VolumeContext["csi.storage.k8s.io/fetch.age"] = "0"
				r.VolumeContext["CSI.Storage.k8s.io/pod.namespace"] = "kube-system"
			},
			func(*publish.Volume) {},
		},
		"tokens in the context": {
			func(r *spec.NodePublishVolumeRequest) { r.VolumeContext[tokensKey] = "{}" },
			func(v *publish.Volume) { v.Tokens = secret.NewValue([]byte("{}")) },
		},
		"tokens in the secrets, and forged ones": {
			func(r *spec.NodePublishVolumeRequest) {
				r.VolumeContext[tokensKey] = "forged"
				r.Secrets = map[string]string{tokensKey: "{}"}
			},
			func(v *publish.Volume) { v.Tokens = secret.NewValue([]byte("{}")) },
		},
		"secrets": {
			func(r *spec.NodePublishVolumeRequest) {
				r.Secrets = map[string]string{"clientid": "c", tokensKey: "{}"}
			},
			func(v *publish.Volume) {
				v.Tokens = secret.NewValue([]byte("{}"))
				v.Secrets = map[string]secret.Value{"clientid": secret.NewValue([]byte("c"))}
			},
		},
		"group": {
			func(r *spec.NodePublishVolumeRequest) { r.VolumeCapability.GetMount().VolumeMountGroup = "2000" },
			func(v *publish.Volume) { v.Group = &group },
		},
		"untidy target": {
			func(r *spec.NodePublishVolumeRequest) { r.TargetPath += "//./" },
			func(*publish.Volume) {},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, want := publishRequest(), base()
			c.change(req)
			c.want(&want)
			got, err := published(t, req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmp.Comparer(secret.Value.Equal)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnpublish(t *testing.T) {
	t.Parallel()
	asked := map[string]string{}
	address := serve(t, csi.Server{Publisher: publisher{unpublish: func(id, target string) error {
		asked[id] = target
		return nil
	}}})
	client := spec.NewNodeClient(dial(t, address))
	for _, req := range []*spec.NodeUnpublishVolumeRequest{{}, {VolumeId: "csi-1"}, {TargetPath: "/x"}} {
		if _, err := client.NodeUnpublishVolume(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	for range 2 {
		if _, err := client.NodeUnpublishVolume(t.Context(), &spec.NodeUnpublishVolumeRequest{VolumeId: "csi-1", TargetPath: hostPath("/x/mount/")}); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]string{"csi-1": hostPath("/x/mount")}, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	cases := map[codes.Code]error{
		codes.Internal:           errors.New("something broke"),
		codes.InvalidArgument:    fault.New(fault.Invalid, "parameter tenantId", "is missing"),
		codes.NotFound:           fault.New(fault.NotFound, "", "failed to get secretproviderclass shop/vault"),
		codes.PermissionDenied:   fault.New(fault.Denied, "secret/a", "may not"),
		codes.Unauthenticated:    fault.New(fault.Expired, "", "too old"),
		codes.ResourceExhausted:  fault.New(fault.Throttled, "", "too much"),
		codes.Unavailable:        fault.New(fault.Unavailable, "", "no answer"),
		codes.Aborted:            fault.New(fault.Busy, "", "running"),
		codes.FailedPrecondition: fault.New(fault.Unsupported, "", "never"),
		codes.DeadlineExceeded:   fmt.Errorf("fetching: %w", context.DeadlineExceeded),
		codes.Canceled:           context.Canceled,
	}
	for code, cause := range cases {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			address := serve(t, csi.Server{Publisher: publisher{publish: func(context.Context, publish.Volume) error { return cause }}})
			_, err := spec.NewNodeClient(dial(t, address)).NodePublishVolume(t.Context(), publishRequest())
			if s := status.Convert(err); s.Code() != code || s.Message() != fault.Explain(cause) {
				t.Errorf("answered %v", err)
			}
		})
	}
}

// A fault that wraps somebody's status is still judged by its kind.
func TestCodeOfAWrappedStatus(t *testing.T) {
	t.Parallel()
	cause := fault.Wrap(status.Error(codes.Unknown, "theirs"), fault.Unavailable, "provider azure", "did not answer").Mend("start it")
	address := serve(t, csi.Server{Publisher: publisher{publish: func(context.Context, publish.Volume) error { return cause }}})
	_, err := spec.NewNodeClient(dial(t, address)).NodePublishVolume(t.Context(), publishRequest())
	if s := status.Convert(err); s.Code() != codes.Unavailable || !strings.HasSuffix(s.Message(), "; to mend: start it") {
		t.Errorf("answered %v", err)
	}
}

func TestIdentityAndInfo(t *testing.T) {
	t.Parallel()
	s := csi.Server{Name: "secrets-store.csi.k8s.io", Version: "v1", NodeID: "node-1", Stats: stats(func(string) (volume.Stats, error) {
		return volume.Stats{Bytes: volume.Usage{Total: 3, Available: 2, Used: 1}, Inodes: volume.Usage{Used: 7}}, nil
	})}
	conn := dial(t, serve(t, s))
	info, err := spec.NewIdentityClient(conn).GetPluginInfo(t.Context(), &spec.GetPluginInfoRequest{})
	if err != nil || info.GetName() != s.Name || info.GetVendorVersion() != s.Version {
		t.Errorf("plugin info %v, %v", info, err)
	}
	can, err := spec.NewIdentityClient(conn).GetPluginCapabilities(t.Context(), &spec.GetPluginCapabilitiesRequest{})
	if err != nil || len(can.GetCapabilities()) != 0 {
		t.Errorf("plugin capabilities %v, %v", can, err)
	}
	node, err := spec.NewNodeClient(conn).NodeGetInfo(t.Context(), &spec.NodeGetInfoRequest{})
	if err != nil || node.GetNodeId() != s.NodeID {
		t.Errorf("node info %v, %v", node, err)
	}
	usage, err := spec.NewNodeClient(conn).NodeGetVolumeStats(t.Context(), &spec.NodeGetVolumeStatsRequest{VolumeId: "csi-1", VolumePath: "/x"})
	if err != nil || usage.GetUsage()[0].GetUsed() != 1 || usage.GetUsage()[1].GetUsed() != 7 {
		t.Errorf("stats %v, %v", usage, err)
	}
	_, err = spec.NewNodeClient(conn).NodeStageVolume(t.Context(), &spec.NodeStageVolumeRequest{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("staging: %v", err)
	}
	_, err = spec.NewIdentityClient(dial(t, serve(t, csi.Server{}))).GetPluginInfo(t.Context(), &spec.GetPluginInfoRequest{})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "driver name not configured") {
		t.Errorf("no name: %v", err)
	}
}
