package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// file is one entry of a layer. All belong to root, as far as tar says who.
type file struct {
	path      string
	mode      int64
	directory bool
	content   []byte
	records   map[string]string // what tar has no field for
}

// base is everything in the image but the program. own is our licence, others those of what is inside.
func base(own, others []byte) []file {
	return []file{
		{path: "etc/", mode: 0o755, directory: true},
		{path: "etc/group", mode: 0o644, content: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{path: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
		{path: "etc/ssl/", mode: 0o755, directory: true},
		{path: "etc/ssl/certs/", mode: 0o755, directory: true},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities()},
		{path: "licenses/", mode: 0o755, directory: true},
		{path: "licenses/LICENSE", mode: 0o644, content: own},
		{path: "licenses/THIRD_PARTY.md", mode: 0o644, content: others},
		{path: "tmp/", mode: 0o1777, directory: true},
	}
}

// authorities are the roots of Mozilla's programme as PEM. Those trusted only under a condition are left out: a PEM
// file cannot state one, and without it a root on its way out would be trusted for ever.
func authorities() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes everything
		}
	}
	return text.Bytes()
}

// layer is a tar of the files in their order, with nothing in it of the machine or the hour it was made.
func (r Release) layer(files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		header := &tar.Header{
			Name: f.path, Mode: f.mode, Size: int64(len(f.content)), ModTime: r.Made, Typeflag: tar.TypeReg,
			Format: tar.FormatPAX, PAXRecords: f.records,
		}
		if f.directory {
			header.Typeflag = tar.TypeDir
		}
		if len(f.records) > 0 {
			header.AccessTime = r.Made // Windows restores this one, too
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	content := packed.Bytes()
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
}
