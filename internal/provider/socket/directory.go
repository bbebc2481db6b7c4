package socket

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/provider"
)

// poll is how often a call that may wait looks whether its provider has come up. A look costs one stat per directory.
const poll = 100 * time.Millisecond

// Directory finds providers by name in the plugin directories and keeps one connection to each that was asked. Call
// Close at the end. It is safe for concurrent use.
type Directory struct {
	cfg   Config
	names *form.Form
	pool  pool
}

// New makes a Directory. It looks at no file and connects to nothing.
func New(cfg Config) *Directory {
	return &Directory{
		cfg:   cfg.withDefaults(),
		names: form.New(`^[a-zA-Z0-9_-]{1,30}$`),
		pool:  pool{conns: map[string]*conn{}},
	}
}

// Provider gives the provider of a name, as a class spells it. A name that cannot be one is Invalid. Whether the
// provider is there shows at each Mount anew, since providers come and go.
func (d *Directory) Provider(name string) (provider.Provider, error) {
	if name == "" {
		return nil, fault.New(fault.Invalid, "", "error connecting to provider %q: provider not found: provider %q", name, name).
			Mend("set spec.provider in the SecretProviderClass, for example to azure")
	}
	if !d.names.MatchString(name) {
		return nil, fault.New(fault.Invalid, "", "error connecting to provider %.40q: invalid provider: provider %.40q", name, name).
			Mend("set spec.provider in the SecretProviderClass to at most 30 letters, digits, - and _")
	}
	return &remote{name: name, dir: d}, nil
}

// Close ends every connection, and the calls on it with Unavailable.
func (d *Directory) Close() error { return d.pool.close() }

// connect gives a connection that is up, waiting that long for a provider that is not there. Nothing has been asked of the
// provider until then, so that trying again repeats nothing.
func (d *Directory) connect(ctx context.Context, name string, wait time.Duration) (*conn, error) {
	giveUp := d.cfg.Clock.Now().Add(wait)
	for {
		c, err := d.tryConnect(ctx, name)
		if err == nil || !d.cfg.Clock.Now().Before(giveUp) {
			return c, err
		}
		again, stop := d.cfg.Clock.After(poll)
		select {
		case <-again:
		case <-ctx.Done():
			stop()
			return nil, err
		}
	}
}

func (d *Directory) tryConnect(ctx context.Context, name string) (*conn, error) {
	path, file, err := d.find(name)
	if err != nil {
		d.pool.forget(name)
		return nil, err
	}
	c, err := d.pool.acquire(name, path, file, d.cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Connect)
	defer cancel()
	if err := c.up(ctx); err != nil {
		d.pool.release(c)
		return nil, d.down(name, path, err)
	}
	return c, nil
}

// find is the first directory's socket of that name. A directory that cannot be read is passed over like one without
// the socket, but told about when no other has it.
func (d *Directory) find(name string) (string, fs.FileInfo, error) {
	var odd error
	for _, dir := range d.cfg.Dirs {
		path := filepath.Join(dir, name+".sock")
		file, err := statSocket(path)
		switch {
		case err == nil && file.Mode().Type() == fs.ModeSocket:
			return path, file, nil
		case err == nil:
			odd = errors.Join(odd, errors.New(path+" is not a socket"))
		case !errors.Is(err, fs.ErrNotExist):
			odd = errors.Join(odd, err)
		}
	}
	return "", nil, fault.Wrap(odd, fault.Unavailable, "", "error connecting to provider %q: provider not found: provider %q has no socket %s.sock in %s",
		name, name, name, strings.Join(d.cfg.Dirs, ", ")).
		Mend("see that the pod of provider %s runs on this node and mounts that directory", name)
}

func (d *Directory) down(name, path string, err error) error {
	return fault.Wrap(err, fault.Unavailable, "", "error connecting to provider %q: nobody answers on %s", name, path).
		Mend("see that the pod of provider %s runs on this node, and read its log", name)
}
