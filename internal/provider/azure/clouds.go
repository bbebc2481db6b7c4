package azure

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
)

// clouds finds the cloud of a request. Custom environments are files of one directory of the operator's; they are
// parsed once and again when they change.
type clouds struct {
	dir string
	own cloud.Cloud

	mu    sync.Mutex
	files map[string]cloudFile
}

type cloudFile struct {
	modified time.Time
	size     int64
	cloud    cloud.Cloud
}

func (c *clouds) find(r params.Request) (cloud.Cloud, error) {
	switch {
	case r.CloudFile != "":
		return c.read(r)
	case r.CloudName == c.defaultName():
		return c.own, nil
	default:
		return cloud.Named(r.CloudName)
	}
}

// defaultName is what a class means that names no cloud: one of the known ones, or cloud.Stack for one of the
// operator's own.
func (c *clouds) defaultName() string {
	if known, err := cloud.Named(c.own.Name); err == nil && known == c.own {
		return known.Name
	}
	return cloud.Stack
}

func (c *clouds) read(r params.Request) (cloud.Cloud, error) {
	const subject = "parameter cloudEnvFileName"
	if c.dir == "" {
		return cloud.Cloud{}, fault.New(fault.Denied, subject, "this node's operator allows no custom environments").
			Mend("start the provider with --cloud-files DIR and put %s there", r.CloudFile)
	}
	if r.CloudDir != "" && filepath.Clean(r.CloudDir) != filepath.Clean(c.dir) {
		return cloud.Cloud{}, fault.New(fault.Denied, subject, "%s is outside the operator's directory of environments", filepath.Join(r.CloudDir, r.CloudFile)).
			Mend("name a file of %s without a directory", c.dir)
	}
	path := filepath.Join(c.dir, r.CloudFile)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return cloud.Cloud{}, fault.New(fault.NotFound, subject, "there is no file %s in the operator's directory of environments", r.CloudFile)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.files[path]; ok && known.modified.Equal(info.ModTime()) && known.size == info.Size() {
		return known.cloud, nil
	}
	return c.parseLocked(path, info)
}

func (c *clouds) parseLocked(path string, info os.FileInfo) (cloud.Cloud, error) {
	if info.Size() > cloud.MaxDocument {
		return cloud.Cloud{}, fault.New(fault.Invalid, path, "is larger than %d KiB", cloud.MaxDocument>>10)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return cloud.Cloud{}, fault.Wrap(err, fault.Internal, path, "the cloud environment cannot be read")
	}
	parsed, err := cloud.Parse(text)
	if err != nil {
		return cloud.Cloud{}, fault.Wrap(err, fault.Invalid, path, "no cloud environment")
	}
	if c.files == nil {
		c.files = map[string]cloudFile{}
	}
	c.files[path] = cloudFile{modified: info.ModTime(), size: info.Size(), cloud: parsed}
	return parsed, nil
}
