package csi

import (
	"net"
	"path/filepath"
	"runtime"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/unixsock"
)

// parseEndpoint reads unix://path and tcp://host:port, the scheme in any case. As upstream, unix://csi/csi.sock is an
// absolute path too: a relative one makes no sense to a kubelet.
func parseEndpoint(endpoint string) (network, address string, err error) {
	if unixsock.IsPipe(endpoint) {
		return "", "", fault.New(fault.Invalid, "", "invalid endpoint: %s: a kubelet speaks to drivers by unix sockets, on Windows too", endpoint).
			Mend(`write unix://C:\csi\csi.sock`)
	}
	scheme, address, found := strings.Cut(endpoint, "://")
	network = strings.ToLower(scheme)
	if !found || address == "" || network != "unix" && network != "tcp" {
		return "", "", fault.New(fault.Invalid, "", "invalid endpoint: %s", endpoint).
			Mend("write unix:///csi/csi.sock or tcp://127.0.0.1:10000")
	}
	switch {
	case network == "unix" && runtime.GOOS == "windows":
		if address = filepath.Clean(unixsock.WindowsPath(address)); !filepath.IsAbs(address) {
			return "", "", fault.New(fault.Invalid, "", "invalid endpoint: %s: the path has no drive", endpoint).Mend(`write unix://C:\csi\csi.sock`)
		}
	case network == "unix":
		address = filepath.Clean("/" + address)
	case runtime.GOOS == "windows" && !isLoopback(address):
		return "", "", fault.New(fault.Invalid, "", "invalid endpoint: %s: whoever connects is served, so it must be this machine's own address", endpoint).
			Mend("write tcp://127.0.0.1:10000")
	}
	return network, address, nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// SocketPath is the path that Listen binds for a unix endpoint; empty for TCP and for what is no endpoint.
func SocketPath(endpoint string) string {
	network, address, err := parseEndpoint(endpoint)
	if err != nil || network != "unix" {
		return ""
	}
	return address
}

// Listen binds an endpoint. A unix socket is open to its owner and to root alone; it takes the place of one that stands
// there, and closing the listener removes it, unless a successor has taken the place. Whatever else stands at the path
// is left, which is an Invalid error.
//
// TCP has no such guard and serves whoever connects; it is there for tests of other programs.
func Listen(endpoint string) (net.Listener, error) {
	network, address, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		return listenUnix(address)
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, endpoint, "cannot listen")
	}
	return listener, nil
}

// listenUnix takes a living driver's place, too: the kubelet dials anew for every call, and so comes to the latest.
func listenUnix(path string) (net.Listener, error) {
	listener, err := unixsock.Replace(path)
	if err != nil {
		return nil, err
	}
	return unixsock.OwnersOnly(listener), nil
}
