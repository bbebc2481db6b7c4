package redirect

import (
	"strings"
	"testing"
	"testing/fstest"

	"strongroom/internal/fault"
)

func TestSharedLinkLayer(t *testing.T) {
	t.Parallel()
	const (
		azure   = `{"cniVersion":"0.3.0","name":"azure","plugins":[{"type":"azure-vnet","mode":"transparent"},{"type":"portmap"}]}`
		kubenet = `{"name":"kubenet","plugins":[{"type":"bridge","bridge":"cbr0"},{"type":"portmap"}]}`
		podman  = `{"name":"podman","plugins":[{"type":"bridge","bridge":"cni-podman0"}]}`
	)
	for name, c := range map[string]struct {
		files map[string]string
		want  string // part of the reason; "" when pods are apart
	}{
		"nothing there":            {files: nil},
		"azure":                    {files: map[string]string{"10-azure.conflist": azure}},
		"kubenet of containerd":    {files: map[string]string{"10-containerd-net.conflist": kubenet}, want: "kubenet"},
		"bridge":                   {files: map[string]string{"10-x.conf": `{"type":"bridge"}`}, want: "plugin bridge"},
		"bridge with macspoofchk":  {files: map[string]string{"10-x.conf": `{"type":"bridge","macspoofchk":true}`}, want: "plugin bridge"},
		"flannel":                  {files: map[string]string{"10-flannel.conflist": `{"plugins":[{"type":"flannel"}]}`}, want: "plugin flannel"},
		"what podman left behind":  {files: map[string]string{"10-azure.conflist": azure, "87-podman.conflist": podman}},
		"multus goes on":           {files: map[string]string{"00-multus.conf": `{"type":"multus-shim"}`, "10-x.conflist": podman}, want: "10-x.conflist"},
		"multus with its own":      {files: map[string]string{"00-multus.conf": `{"type":"multus","delegates":[{"plugins":[{"type":"bridge"}]}]}`}, want: "00-multus.conf"},
		"other files do not count": {files: map[string]string{"00-bridge.conf.bak": `{"type":"bridge"}`, "10-azure.conflist": azure}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range c.files {
				root[cniDir+"/"+file] = &fstest.MapFile{Data: []byte(text)}
			}
			reason, err := sharedLinkLayer(root)
			if err != nil || (c.want == "") != (reason == "") || !strings.Contains(reason, c.want) {
				t.Errorf("%q, %v", reason, err)
			}
		})
	}
	broken := fstest.MapFS{cniDir + "/10-x.conf": &fstest.MapFile{Data: []byte("{")}}
	if _, err := sharedLinkLayer(broken); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a broken file: %v", err)
	}
	if reason, err := SharedLinkLayer(t.TempDir()); reason != "" || err != nil {
		t.Errorf("a node without any: %q, %v", reason, err)
	}
}

func TestTheKubeletsFlag(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"etc/default/kubelet": &fstest.MapFile{Data: []byte("KUBELET_FLAGS=--v=2 --network-plugin=kubenet\n")},
		"etc/default/other":   &fstest.MapFile{Data: []byte("KUBELET_FLAGS=--network-plugin=cni\n")},
	}
	for file, want := range map[string]bool{"etc/default/kubelet": true, "etc/default/other": false, "etc/none": false} {
		if names, err := namesKubenet(root, file); names != want || err != nil {
			t.Errorf("%s: %t, %v", file, names, err)
		}
	}
	if names, err := KubeletNamesKubenet(t.TempDir(), "/etc/default/kubelet"); names || err != nil {
		t.Errorf("a node without the file: %t, %v", names, err)
	}
}
