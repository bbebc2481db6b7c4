package redirect

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// NMI knows a pod by the address it calls from. Where pods share a link layer, one that may make packets of its own
// (NET_RAW) can answer for another's address, and call from it.

// cniDir is where a container runtime finds how to connect pods, unless it was told otherwise.
const cniDir = "etc/cni/net.d"

// network is what matters here of a CNI configuration, a list of plugins or one plugin alone.
type network struct {
	Name    string    `json:"name"`
	Plugins []plugin  `json:"plugins"`
	Type    string    `json:"type"`
	Bridge  string    `json:"bridge"`
	Through []network `json:"delegates"` // networks that Multus names in its own configuration
}

type plugin struct {
	Type   string `json:"type"`
	Bridge string `json:"bridge"`
}

// SharedLinkLayer reads the CNI configuration under a root and says why pods of this node can take each other's address;
// empty when they cannot, or when there is no configuration. Plugins that connect pods to a bridge do that: kubenet as
// containerd has it, bridge, flannel. The bridge plugin's macspoofchk changes nothing of it, for it holds on to a pod's
// link layer address, and not to the address it calls from.
func SharedLinkLayer(root string) (reason string, err error) {
	return sharedLinkLayer(os.DirFS(root + "/"))
}

func sharedLinkLayer(root fs.FS) (string, error) {
	entries, err := fs.ReadDir(root, cniDir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "/"+cniDir, "cannot be read")
	}
	// A runtime takes the first, and what other programs left beside it lies unused. Only Multus goes on to the others.
	for _, entry := range entries {
		if !slices.Contains([]string{".conf", ".conflist", ".json"}, path.Ext(entry.Name())) || entry.IsDir() {
			continue
		}
		file := path.Join(cniDir, entry.Name())
		one, err := readNetwork(root, file)
		if err != nil {
			return "", err
		}
		if why := one.shared(); why != "" {
			return "/" + file + ": " + why, nil
		}
		if !one.multus() {
			return "", nil
		}
	}
	return "", nil
}

func readNetwork(root fs.FS, file string) (network, error) {
	var one network
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return one, fault.Wrap(err, fault.Unavailable, "/"+file, "cannot be read")
	}
	if err := json.Unmarshal(text, &one); err != nil {
		return one, fault.Wrap(err, fault.Invalid, "/"+file, "is no CNI configuration")
	}
	return one, nil
}

func (n network) all() []plugin {
	return append([]plugin{{Type: n.Type, Bridge: n.Bridge}}, n.Plugins...)
}

func (n network) multus() bool {
	return slices.ContainsFunc(n.all(), func(p plugin) bool { return strings.HasPrefix(p.Type, "multus") })
}

// shared says why pods of this network share a link layer.
func (n network) shared() string {
	for _, p := range n.all() {
		switch {
		case p.Type == "bridge" && (n.Name == "kubenet" || p.Bridge == "cbr0"):
			return "kubenet puts pods on one bridge, where one can take another's address"
		case p.Type == "bridge", p.Type == "flannel":
			return "the plugin " + p.Type + " puts pods on one bridge, where one can take another's address"
		}
	}
	for _, one := range n.Through {
		if why := one.shared(); why != "" {
			return why
		}
	}
	return ""
}

// kubenetFlag is what the original looks for, literally.
const kubenetFlag = "--network-plugin=kubenet"

// KubeletNamesKubenet says whether a file of the kubelet's settings, /etc/default/kubelet mostly, names kubenet as the
// network plugin. That was a flag of kubelets before 1.24; a node without the file has a newer one.
func KubeletNamesKubenet(root, file string) (bool, error) {
	return namesKubenet(os.DirFS(root+"/"), strings.TrimPrefix(path.Clean("/"+file), "/"))
}

func namesKubenet(root fs.FS, file string) (bool, error) {
	text, err := fs.ReadFile(root, file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, "/"+file, "cannot be read")
	}
	return strings.Contains(string(text), kubenetFlag), nil
}
