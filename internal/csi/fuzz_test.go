package csi

import (
	"path/filepath"
	"strings"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/proto"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// request is a publish request as a kubelet sends it, with what an author and the kubelet may vary.
func request(target, class, key, value, tokens, group string) *spec.NodePublishVolumeRequest {
	return &spec.NodePublishVolumeRequest{
		VolumeId: "csi-1", TargetPath: target, Readonly: true,
		VolumeCapability: &spec.VolumeCapability{AccessType: &spec.VolumeCapability_Mount{Mount: &spec.VolumeCapability_MountVolume{VolumeMountGroup: group}}},
		VolumeContext: map[string]string{
			secretsstore.AttrPodName: "web-0", secretsstore.AttrPodNamespace: "shop", secretsstore.AttrPodUID: "0b3c",
			secretsstore.AttrServiceAccount: "web", secretsstore.AttrEphemeral: "true", secretsstore.AttrClass: class,
			secretsstore.AttrServiceAccountToken: tokens, "csi.storage.k8s.io/" + key: value, key: value,
		},
		Secrets: map[string]string{"k": tokens},
	}
}

// Whatever the wire says, a volume has a pod, a class and an absolute target, and the kubelet's words are never the
// author's; no token or secret is in an error.
//
//fuzz:share 2
func FuzzPublishRequest(f *testing.F) {
	for _, r := range []*spec.NodePublishVolumeRequest{
		request("/t", "vault", "objects", "array: []", `{"a":{"token":"Pl4ntedS3cret"}}`, ""),
		request("/t/../u", " ", "pod.name", "x", "Pl4ntedS3cret", "-1"),
		request("t", strings.Repeat("c", 300), "", "", "", "4294967296"),
		{},
	} {
		wire, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var r spec.NodePublishVolumeRequest
		if proto.Unmarshal(wire, &r) != nil {
			return // gRPC refuses it by itself
		}
		if r.Secrets == nil {
			r.Secrets = map[string]string{}
		}
		r.Secrets["planted"] = "Pl4ntedS3cret"
		_ = about(&r)
		v, err := parsePublish(&r)
		if err != nil {
			if said := answer(err).Error(); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "Pl4ntedS3cret") && !strings.Contains(r.GetTargetPath()+r.GetVolumeContext()[secretsstore.AttrClass]+r.GetVolumeCapability().GetMount().GetVolumeMountGroup(), "Pl4ntedS3cret") {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		if v.ID == "" || !filepath.IsAbs(v.Target) || v.Target != filepath.Clean(v.Target) || v.Class == "" || len(v.Class) > maxName ||
			v.Pod.Name == "" || v.Pod.Namespace == "" || v.Pod.UID == "" || v.Pod.ServiceAccount == "" || v.Group != nil && *v.Group < 0 {
			t.Fatalf("%+v", v)
		}
		for key := range v.Attributes {
			if secretsstore.Reserved(key) {
				t.Fatalf("the author set %q", key)
			}
		}
		if _, there := v.Secrets[secretsstore.AttrServiceAccountToken]; there {
			t.Fatal("tokens among the secrets")
		}
	})
}

// An endpoint that is taken is one socket path, which Listen and SocketPath agree on, or an address.
//
//fuzz:share 2
func FuzzEndpoint(f *testing.F) {
	for _, e := range []string{"unix:///csi/csi.sock", "unix://csi/../x", "TCP://127.0.0.1:0", "unix://", "://", "http://x"} {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		network, address, err := parseEndpoint(endpoint)
		path := SocketPath(endpoint)
		switch {
		case err != nil:
			if path != "" || fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q beside %v", path, err)
			}
		case network == "unix":
			if !filepath.IsAbs(address) || address != path || address != filepath.Clean(address) {
				t.Errorf("%q, %q", address, path)
			}
		case network != "tcp" || address == "" || path != "":
			t.Errorf("%q %q %q", network, address, path)
		}
	})
}
