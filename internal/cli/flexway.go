package cli

import (
	"flag"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"strongroom/internal/flexvolume"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
)

// flexWay is how one mount comes by its content: the node's provider, which shares with every other pod of the node, or
// this process by itself. The operator's policy holds in both; the provider's is its own.
type flexWay struct {
	*flexConfig
	settings error // what is wrong with the operator's settings: then there is no way
	sockets  *socket.Directory
	parts    *azureParts
}

// flexPatience is how long a mount waits for a provider that is just being replaced.
const flexPatience = 5 * time.Second

// provider is asked once, when there is something to fetch: all that it makes is of no use to any other call.
func (w *flexWay) provider(spec flexvolume.Spec) (provider.Provider, error) {
	if w.settings != nil {
		return nil, w.settings
	}
	for _, note := range spec.Notes {
		w.log().Info("note", "note", note)
	}
	dirs := providerDirs(w.MoreDirs, w.ProviderDir)
	if w.Fetch == fetchProvider || w.Fetch == fetchAuto && hasSocket(dirs) {
		if spec.NMIPort != "" {
			w.log().Info("note", "note", "option nmiport has no effect: the node's provider knows where NMI is")
		}
		w.sockets = socket.New(socket.Config{Dirs: dirs, MaxRecv: w.MaxRecv, Wait: min(flexPatience, w.Timeout/2)})
		return w.sockets.Provider(flexvolume.Provider)
	}
	w.usePort(spec.NMIPort)
	parts, err := w.azure.build(nil)
	if err != nil {
		return nil, err
	}
	w.parts = parts
	return parts.provider, nil
}

// usePort asks NMI on the port that the pod's author names, on this node alone, where the operator has not said where NMI
// is.
func (w *flexWay) usePort(port string) {
	const setting = "nmi-endpoint"
	set := false
	w.set.Visit(func(f *flag.Flag) { set = set || f.Name == setting })
	if port != "" && !set {
		w.azure.NMI = "http://" + net.JoinHostPort("127.0.0.1", port)
	}
}

func (w *flexWay) close() {
	if w.sockets != nil {
		_ = w.sockets.Close()
	}
	if w.parts != nil {
		w.parts.clients.Close()
	}
}

// hasSocket says whether a provider has its socket in one of the directories. One that nobody answers on counts: its
// provider is being replaced, and doing its work meanwhile would bypass what its operator has set.
func hasSocket(dirs []string) bool {
	for _, dir := range dirs {
		if info, err := os.Stat(filepath.Join(dir, flexvolume.Provider+".sock")); err == nil && info.Mode().Type() == fs.ModeSocket {
			return true
		}
	}
	return false
}
