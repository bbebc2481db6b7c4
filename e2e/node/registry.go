package node

import (
	"net"
	"net/http"
	"path/filepath"
	"time"

	"strongroom/e2e/image"
)

// registryAddress is the node's own registry, which stands in for Docker's.
const registryAddress = "127.0.0.1:5000"

// registry hands out the images that pods insist on pulling, those without a tag: what was imported does not count for
// them.
func (n *Node) registry() error {
	archives, err := filepath.Glob(n.Asset("registry/*.tar"))
	if err != nil {
		return err
	}
	images, err := image.NewRegistry(archives...)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", registryAddress)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: images, ReadHeaderTimeout: time.Minute}
	go func() { n.fail(server.Serve(listener)) }() // it ends with the process
	return nil
}
